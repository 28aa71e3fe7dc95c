"""Older dialects of ``configuration.json``, DL4J 0.5 to 1.0.0-beta3, in the words of beta4 and later, so that one reader reads all.

They came one after the other, and what a field says is looked at field by field, not by version:

- 0.5 and 0.6: classes are wrapped around objects, ``{"gravesLSTM": {...}}``; activations are names, in 0.5 losses too;
- 0.7 to 1.0.0-alpha: activations and losses are wrapped as well; from 0.9 on updaters are objects, from alpha on dropout;
- 1.0.0-beta to beta3: classes are ``@class``; penalties and initialisers are still numbers and names of the layer.

A document of beta4 or later comes back as it is. What it computes is what DL4J M2.1 computes when it loads the same file; what that leaves
out of training (rates of biases, policies of learning rates) is kept as the version that wrote the file had it.
"""

from __future__ import annotations

from rnngraph.dl4j.legacy.documents import modern, modern_conf
from rnngraph.dl4j.legacy.filters import filters_as_today
from rnngraph.dl4j.legacy.states import states_as_written

__all__ = ["filters_as_today", "modern", "modern_conf", "states_as_written"]
