"""OpenAI's Images API. Apart from the request API, which would build its models at every cold start."""
