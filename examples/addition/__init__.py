"""Sums, written digit by digit by a sequence-to-sequence network."""
