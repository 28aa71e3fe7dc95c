"""A long stream whose answers depend on events three segments back."""
