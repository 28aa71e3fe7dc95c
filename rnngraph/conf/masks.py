"""What a layer does at masked steps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from rnngraph.conf.names import spell

MASK_MODES = ("hold", "reset", "ignore")
"""hold: a masked step does not exist; reset: it sets the state to 0; ignore: it is a step like others."""

MaskMode = Annotated[Literal["hold", "reset", "ignore"], BeforeValidator(lambda v: spell(v, MASK_MODES))]
