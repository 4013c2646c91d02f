"""A stand-in for Amazon Bedrock's image models and Claude, and for Rekognition, on a laptop's loopback."""

from local.bedrock.server import ModelServer, serve

__all__ = ["ModelServer", "serve"]
