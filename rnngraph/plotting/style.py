"""How all pictures look, and how they are written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnngraph.errors import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW)
"""Colours that people with any colour vision tell apart (Okabe and Ito 2008)."""
DARK = (BLUE, ORANGE, GREEN)
"""Those on which letters are white."""
GREY, FAINT = "#595959", "#D9D9D9"
DPI, _MARGIN = 160, 0.09
"""Dots an inch, and inches that are left free around each panel."""

_STYLE: Any = {
    "font.family": "DejaVu Sans",  # which comes with matplotlib, so that a picture is the same everywhere
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelcolor": GREY,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
}


@contextmanager
def styled() -> Iterator[Any]:
    """matplotlib with our style while a figure is made and written. MissingDependencyError where it is not installed."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        raise MissingDependencyError("plots need matplotlib, which is not installed; run: pip install 'rnngraph[plot]'") from error
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield mpl


def figure(width: float, height: float, layout: Literal["constrained", "compressed"] = "constrained") -> Figure:
    """An empty figure of so many inches, outside of pyplot: no window, and nothing to close."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), dpi=DPI, layout=layout)
    engine = made.get_layout_engine()
    assert engine is not None
    engine.set(w_pad=_MARGIN, h_pad=_MARGIN)  # type: ignore[call-arg]  # of both layouts, which the base class does not know
    return made


def whole_numbers(axis: Any) -> None:
    """Ticks at whole numbers only, for epochs and steps."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=9, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def quiet(axes: Axes) -> None:
    """No grid along x, where it tells nothing."""
    axes.grid(visible=False, axis="x")


def legend_above(axes: Any, side: Literal["left", "right"], columns: int) -> None:
    """The legend in a row above what it explains, at one side of it."""
    at = {"left": 0.0, "right": 1.0}[side]
    axes.legend(
        loc=f"lower {side}",
        bbox_to_anchor=(at, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        handlelength=1.4,
        columnspacing=1.1,
        handletextpad=0.5,
    )


def save(made: Figure, path: Path) -> None:
    """Write ``made`` as the PNG ``path``, whole or not at all. ModelFileError where the disk is full."""
    from rnngraph.errors import ModelFileError
    from rnngraph.files import atomic_write

    try:
        with atomic_write(path) as file:
            made.savefig(file, format="png")
    except OSError as error:  # which names the temporary file, or none
        raise ModelFileError(f"{path}: cannot be written ({error.strerror or error}); what stood there is as it was") from error
