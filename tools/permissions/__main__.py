"""Print the AWS calls of every function, and where its role differs: `python -m tools.permissions`."""

import contextlib
import io
import logging
import sys

from tools.permissions.report import DEPLOYMENTS, missing, table, unused

logging.disable()  # the functions' logs
with contextlib.redirect_stdout(io.StringIO()):  # their metrics
    differences = [*missing(), *unused()]
for deployment, (region, parameters) in DEPLOYMENTS.items():
    shown = ", ".join(f"{name}={value}" for name, value in parameters.items())
    print(f"# {deployment}: {region}, {shown}\n\n{table(deployment)}\n")
print("\n".join(differences) or "Nothing is missing and nothing is unused.")
sys.exit(bool(differences))
