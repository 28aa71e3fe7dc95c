"""Passes over graphs, one a file: each takes a graph and gives a new one, and the verifier runs after each."""
