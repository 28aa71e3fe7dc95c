"""Training: the fit loop, updaters, listeners."""
