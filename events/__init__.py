"""The contract between services: every event, how it is published, and how it is consumed."""
