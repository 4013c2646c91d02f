"""How many images per second the settings, hot keys and AWS's quotas allow: docs/scale.md."""
