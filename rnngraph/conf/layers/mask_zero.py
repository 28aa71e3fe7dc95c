"""MaskZeroLayer: reads from the input which steps exist."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rnngraph.conf.fields import Real
from rnngraph.conf.layers.wrapper import Inner, WrapperLayer


class MaskZeroLayer(WrapperLayer):
    """A step whose features all equal ``mask_value`` is masked for ``layer``; layers behind it see no mask.

    Steps that a features mask leaves out stay left out for ``layer``.
    """

    positional: ClassVar[tuple[str, ...]] = ("layer", "mask_value")

    type: Literal["MaskZeroLayer"] = "MaskZeroLayer"
    layer: Inner = Field(kw_only=False, description="the layer inside, which sees the mask")
    mask_value: Real = Field(default=0.0, kw_only=False, description="what every feature of a masked step is")
