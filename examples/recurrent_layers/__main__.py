"""Runs all programs of this folder in the page's order: ``python -m examples.recurrent_layers``."""

from __future__ import annotations

from importlib import import_module

from examples.recurrent_layers import PROGRAMS

for name in PROGRAMS:
    print(f"\n{name}\n{import_module(f'{__package__}.{name}').main()}")
