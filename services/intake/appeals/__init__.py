"""Appeals of rejections. Apart from the request API, which would build their models at every cold start."""
