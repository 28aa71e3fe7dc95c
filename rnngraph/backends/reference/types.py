"""What the rows of the table take and give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]
Attributes = Mapping[str, Any]
Row = Callable[[Sequence[Array], Attributes], tuple[Array, ...]]
