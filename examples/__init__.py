"""Examples; each folder has a script to run."""
