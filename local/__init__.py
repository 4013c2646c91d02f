"""AWS on a laptop: what stands in for the cloud when the system runs locally."""
