"""AWS on a laptop: the emulator, the model stand-in and the deployment of the template to them."""
