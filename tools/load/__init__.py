"""`make load`: users on a stack of its own, what they waited for, and whether anything was lost or leaked."""
