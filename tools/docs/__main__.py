"""`python -m tools.docs`: see `tools/docs/generate.py`."""

import sys

from tools.docs.generate import main

sys.exit(main(sys.argv[1:]))
