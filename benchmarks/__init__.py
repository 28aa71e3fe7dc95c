"""Measurements against peers in the same process run, in alternation; never run by the tests."""
