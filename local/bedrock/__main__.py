"""`python -m local.bedrock`: serve until stopped."""

from __future__ import annotations

import argparse

from local.bedrock.server import serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local.bedrock", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free port")
    parser.add_argument("--s3-endpoint", help="endpoint from which Rekognition reads S3 objects")
    parser.add_argument("--latency-ms", type=int, default=0, help="additional time per image")
    parser.add_argument("--instant", action="store_true", help="answer every prompt with the same image, at once")
    parser.add_argument("--forward-url", help="AUTOMATIC1111-compatible server that replaces the painter")
    parser.add_argument("--ignore-end-of-life", action="store_true", help="serve models past their end of life")
    serve(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
