"""Fault tests: the deployed system under injected faults, killed workers, repeated and reordered deliveries."""
