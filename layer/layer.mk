# What the makefiles of all layers share. The folder of every layer has a link to this file: `sam build` runs make in a copy of that
# folder, in which links become copies, and it builds a layer again if a file behind a link has changed.
#
# `make build` sets TARGET_* for the target it builds; plain `sam build` uses the defaults, which are those of template.yaml.
TARGET_PYTHON ?= 3.13
TARGET_PLATFORM ?= aarch64-manylinux_2_28
TARGET_INTERPRETER ?= python$(TARGET_PYTHON)

layer = $(ARTIFACTS_DIR)/python

# Installs requirements.txt, with further options of uv behind it.
install = uv pip install --quiet --target "$(layer)" --python-version $(TARGET_PYTHON) --python-platform $(TARGET_PLATFORM) \
	--only-binary :all: --require-hashes --requirement requirements.txt

# Replaces the bytecode. SAM sets time stamps of 1980, so only bytecode without time stamp checks is valid on Lambda.
define compile
find "$(layer)" -name __pycache__ -prune -exec rm -rf {} +
@$(TARGET_INTERPRETER) -m compileall -q -s "$(ARTIFACTS_DIR)" -p /opt --invalidation-mode unchecked-hash "$(layer)" \
	|| echo "No Python $(TARGET_PYTHON) on this machine: $(@:build-%=%) has no bytecode."
endef
