"""`python -m genai_images`: the command line."""

import sys

from genai_images.cli import main

sys.exit(main())
