"""What the system costs in time, calls and money, each as a ratio to a floor measured in the same run."""
