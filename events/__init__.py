"""The contract between services: envelope, event catalog, pipeline, model catalog, schemas and samples."""
