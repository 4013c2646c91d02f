# `make` lists the targets. Everything runs in .venv, which is created by the first target that needs it.
.DEFAULT_GOAL := help
SHELL := /bin/bash

bin := .venv/bin
python := $(bin)/python
# The emulator runs functions with this Python, and SAM only supports versions that Lambda has.
supported := 3.13 3.12 3.11 3.14
export SAM_CLI_TELEMETRY := 0
export PATH := $(CURDIR)/$(bin):$(CURDIR)/.venv/sam/bin:$(PATH)

# Makes the given targets, two at a time, and prints the output of each at its end. Fails if one fails.
two_at_a_time = printf '%s\n' $(1) | xargs -n 1 -P 2 bash -c \
	'output=$$($(MAKE) --no-print-directory "$$0" 2>&1); code=$$?; printf "%s\n" "$$output"; exit $$code'

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: .venv/ready ## start everything on this machine and generate an image  (ONCE=1 stops afterwards, PROMPT="…", CACHE=valkey, CDN=on, WORKER=process)
	@$(python) -m local.run $(if $(ONCE),--once) $(if $(PROMPT),--prompt "$$PROMPT") $(if $(FORWARD_URL),--forward-url "$$FORWARD_URL") \
		$(if $(CACHE),--cache $(CACHE)) $(if $(filter on,$(CDN)),--cdn) $(if $(WORKER),--worker $(WORKER))
# Exactly as typed, with dollar signs.
override PROMPT := $(value PROMPT)
export PROMPT FORWARD_URL

.PHONY: deploy
deploy: .venv/ready ## update the stack that `make run` started, or with AWS=1 the one of your account  (ENV=prod PARAMETERS="Name=value …")
	@$(python) -m $(if $(filter 1,$(AWS)),local.account --env $(or $(ENV),dev) $(ARGS),local.deploy)

.PHONY: rollback
rollback: .venv/ready ## deploy an earlier version to your account again  (AWS=1 ENV=prod TO=v1.2.0)
	@ARGS='$(ARGS)' $(python) -m local.rollback --env "$(ENV)" --to "$(TO)"

.PHONY: logs
logs: .venv/ready ## show the logs of the functions  (FOLLOW=1 continues, FUNCTION=part-of-a-name)
	@$(python) -m local.logs $(if $(FOLLOW),--follow) $(if $(FUNCTION),--function $(FUNCTION))

.PHONY: ops
ops: .venv/ready ## the operators' command line on the running stack, or on your account with AWS=1  (ARGS="--help")
	@$(python) -m local.state $(python) -m cli $(ARGS)

.PHONY: dlq
dlq: .venv/ready ## dead-letter queues of the running stack, or of your account with AWS=1  (ARGS="replay --help")
	@$(python) -m local.state $(python) -m cli dlq $(ARGS)

.PHONY: keys
keys: .venv/ready ## API keys of the running stack, or of your account with AWS=1  (ARGS="create --owner me")
	@$(python) -m local.state $(python) -m cli keys $(ARGS)

.PHONY: web
web: .venv/ready ## build the web app and publish it to the running stack  (npm: ARGS="run test")
	@$(if $(ARGS),$(python) -m local.web $(ARGS),$(python) -m local.web && $(python) -m local.state $(python) -m cli web publish)

.PHONY: screenshots
screenshots: .venv/ready ## save screenshots of every page of the web app to docs/screenshots
	@$(python) -m local.browser
	@$(python) -m tools.screenshots

.PHONY: stop
stop: .venv/ready ## stop what `make run` started
	@$(python) -m local.stop

.PHONY: test
test: .venv/ready .venv/interop/ready .venv/load/ready ## unit, contract, integration, end-to-end and browser tests  (ARGS="-k quota")
	@$(python) -m local.browser
	@$(python) -m local.node clients/typescript test
	@$(python) -m local.web run test
	@echo "Tests, two files at a time: unit (no network), contract (schemas, templates, built artifacts),"
	@echo "integration (moto), e2e (the template on the emulator), interop (other projects' tools), browser (Chromium on the whole of it)"
	@$(python) -m pytest --numprocesses 2 tests/unit tests/contract tests/integration tests/e2e tests/interop tests/browser $(ARGS)

.PHONY: chaos
chaos: .venv/ready ## test the system under injected faults  (COUNT=300 SEED=1 WORKER=process)
	@$(python) -m tools.chaos $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(if $(WORKER),--worker $(WORKER)) $(ARGS)

.PHONY: load
load: .venv/ready .venv/load/ready ## users on a stack of its own: waiting times, queues, losses, leaks  (USERS=20 MINUTES=2)
	@$(python) -m tools.load $(if $(USERS),--users $(USERS)) $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS)

.PHONY: drill
drill: .venv/ready ## lose a region under traffic and fail over to the other one, on two emulators  (REGIONS=2 REQUESTS=40)
	@test "$(REGIONS)" = 2 || { echo "REGIONS: two regions can be drilled. Use make drill REGIONS=2"; exit 2; }
	@$(python) -m tools.region_drill $(if $(REQUESTS),--requests $(REQUESTS)) $(ARGS)

.PHONY: check
check: .venv/ready ## run ruff, mypy --strict, import-linter, pymarkdown, cfn-lint, sam validate, checkov, redocly, the linter of policies; for the web app and the TypeScript client, biome and tsc
	@$(call two_at_a_time,check-types check-templates check-web check-security check-style check-imports check-documents check-openapi check-policies)
	@echo "All checks passed."

.PHONY: check-style check-types check-imports check-documents check-templates check-security check-web check-openapi check-policies
check-style:
	@echo "ruff: style and formatting"
	@ruff check . && ruff format --check .
check-types:
	@echo "mypy: types, strictly"
	@mypy .
check-imports:
	@echo "import-linter: dependencies between packages"
	@PYTHONPATH=. lint-imports --no-cache
check-documents:
	@echo "pymarkdown: documents"
	@git ls-files '*.md' | xargs pymarkdown --strict-config scan
# `sam validate --lint` is cfn-lint again, in a process per template: for these, it shows that SAM can read them.
check-templates:
	@echo "cfn-lint and sam validate --lint: templates"
	@cfn-lint template.yaml services/*/*.yaml docs/examples/*/*.yaml .github/aws/*.yaml
	@for template in template.yaml docs/examples/subscriber/template.yaml; do \
		sam validate --lint --region us-east-1 --template $$template || exit; done
check-security: .venv/checkov/ready
	@echo "checkov: security of the templates"
	@$(python) -m tools.template_security
	@echo "rights of the role that deploys: what CloudFormation calls"
	@$(python) -m tools.deployer_rights
check-web:
	@echo "web app and TypeScript client: generated files, biome, tsc"
	@$(python) -m local.node clients/typescript run check
	@$(python) -m local.web run check
check-openapi:
	@echo "redocly: the OpenAPI document"
	@$(python) -m local.node tests/interop run lint
check-policies:
	@echo "moderation policies: rules, terms that match nothing, everyday words that are blocked"
	@$(python) -m tools.moderation lint

.PHONY: bench
bench: .venv/ready ## the benchmarks: ratios against a floor measured in the same run
	@$(python) -m tools.benchmarks $(ARGS)

.PHONY: moderation
moderation: .venv/ready ## precision and recall of moderation on the corpus, by language, kind and category
	@$(python) -m tools.moderation

.PHONY: moderation-bias
moderation-bias: .venv/ready ## block and review rates of prompts that differ in one attribute of a person only
	@$(python) -m tools.moderation bias

.PHONY: permissions
permissions: .venv/ready ## the AWS calls of every function, compared with its role
	@$(python) -m tools.permissions

.PHONY: build
build: .venv/ready ## build for AWS with bytecode, as `make deploy AWS=1` does first, and list what it contains (SBOM)  (ENV=prod)
	@$(python) -m local.build $(if $(ENV),--env $(ENV))
	@$(python) -m local.sbom

.PHONY: audit
audit: .venv/ready .venv/audit/ready ## known vulnerabilities of the pinned packages, as far as the registries know
	@$(python) -m tools.audit

.PHONY: docs
docs: .venv/ready ## generate files from the code: schemas, samples, docs/events.md, OpenAPI, AsyncAPI
	@$(python) -m tools.docs
	@test ! -e .venv/interop/ready || $(python) -m tools.python_client

.PHONY: clients
clients: .venv/ready .venv/interop/ready ## generate what follows from docs/openapi.json in the Python and TypeScript clients
	@$(python) -m tools.python_client
	@$(python) -m local.node clients/typescript run generate

.PHONY: lock
lock: .venv/ready ## compile the requirements of development and of the layers from their .in files, with hashes  (ARGS=--upgrade)
	@for name in $(basename $(wildcard layer/*.in layer/*/*.in services/*/*/*.in requirements/*.in)); do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-build --no-emit-index-url --no-annotate --no-header \
			$$name.in --output-file $$name.txt $(ARGS) || exit; done

.PHONY: clean
clean: ## delete build outputs and the virtual environment
	rm -rf .venv .aws-sam .local .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/ready: requirements/dev.txt requirements/sam.txt requirements/oldest-sdk.txt
	@found=""; for version in $(supported); do \
		for candidate in python$$version python3 python; do \
			if [ "$$($$candidate -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$$version" ]; then \
				found=$$candidate; break 2; fi; done; done; \
	if [ -z "$$found" ]; then \
		echo "Python 3.11 to 3.14 is required, but not on your PATH." >&2; \
		echo "Install it from https://www.python.org/downloads/, or: apt install python3 python3-venv · brew install python@3.13" >&2; exit 1; fi; \
	if ! $(python) -c '' 2>/dev/null; then \
		echo "Creating .venv with $$($$found --version)"; \
		$$found -m venv --clear .venv || { \
			echo "Python's venv module is missing. Debian and Ubuntu: apt install python3-venv" >&2; rm -rf .venv; exit 1; }; fi
	@test -x $(bin)/uv || { \
		awk '/^uv==/ {found = 1} found; found && !/\\$$/ {exit}' requirements/dev.txt > .venv/uv.txt; \
		$(python) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement .venv/uv.txt; }
	@echo "Installing the pinned packages of requirements/dev.txt, and those of sam.txt into .venv/sam"
	@uv pip sync --quiet --require-hashes --no-build --python $(python) requirements/dev.txt
	@$(call own_environment,sam)
	@rm -rf .venv/oldest-sdk && uv pip install --quiet --require-hashes --no-build --python $(python) --target .venv/oldest-sdk \
		--requirement requirements/oldest-sdk.txt
	@touch $@

# Installs requirements/$(1).txt into an environment of its own, .venv/$(1), because its pins conflict with the others'.
# SAM's watchdog has no wheel for every platform, so it may be built.
own_environment = .venv/$(1)/bin/python -c '' 2>/dev/null || uv venv --quiet --clear --python $(python) .venv/$(1); \
	uv pip sync --quiet --require-hashes $(if $(filter sam,$(1)),,--no-build) --python .venv/$(1)/bin/python requirements/$(1).txt

.venv/%/ready: requirements/%.txt .venv/ready
	@$(call own_environment,$*)
	@touch $@
