"""Runs of ``rnngraph train``: the folder that one leaves, how it reads its data, its training, its evaluation."""
