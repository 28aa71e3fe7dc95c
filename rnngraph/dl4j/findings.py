"""What is told of a model file of DL4J's and of the network that it became: for people, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rnngraph.conf import InputType
from rnngraph.conf.parameters import index_of
from rnngraph.dl4j.origin import Description

if TYPE_CHECKING:
    from rnngraph.base_network import Network
    from rnngraph.runtime import ParityReport

NARROWEST = 60
"""Columns of a console. In a narrower one tables are not squeezed further: their lines go on below."""
KEYS = ("name", "class", "takes", "gives", "parameters")


@dataclass(frozen=True)
class Findings:
    """What is told of a model: what its file says, the network that it became, and what was written."""

    told: Description
    network: Network | None = None
    error: str = ""
    written: Mapping[Path, str] = field(default_factory=dict)
    """Files that were written, and what is to be known of them."""
    report: ParityReport | None = None

    def to_json(self) -> str:
        """One object."""
        told, net = self.told, self.network
        layers = [] if net is None else [dict(zip(KEYS, row, strict=True)) for row in rows(net)]
        return json.dumps(
            {
                "path": str(told.path),
                "kind": told.kind,
                "version": told.version,
                "data_type": told.data_type,
                "layers": layers,
                "parameters": told.parameters,
                "updater_state": told.updater_state,
                "iteration": told.iteration,
                "epoch": told.epoch,
                "normalizer": None if net is None or net.normalizer is None else repr(net.normalizer),
                "streams": None if net is None else net._reason is None,
                "why_not": None if net is None else net._reason,
                "notes": list(told.notes),
                "error": self.error or None,
                "written": [str(path) for path in self.written],
                "verified": None if self.report is None else json.loads(self.report.to_json()),
            },
            indent=2,
        )

    def print(self, console: Console) -> None:
        """Tables for people."""
        net, width = self.network, None if console.width >= NARROWEST else NARROWEST
        console.print(f"{escape(str(self.told.path))}: a {self.told.kind} of DL4J {self.told.version}", highlight=False, soft_wrap=True)
        if net is not None:
            console.print(_layers(net, width), crop=False)
        facts = Table.grid(padding=(0, 2))
        facts.width = width
        facts.add_column(no_wrap=True)
        facts.add_column(overflow="fold")
        for name, text in self._facts():
            facts.add_row(name, escape(text))
        console.print(facts, highlight=False, crop=False)
        if self.report is not None:
            console.print(str(self.report), markup=False, highlight=False, soft_wrap=True)

    def _facts(self) -> Iterator[tuple[str, str]]:
        told, net = self.told, self.network
        yield "parameters", f"{told.parameters:,} of type {told.data_type}"
        kept = "in the file" if net is None else "comes along: training goes on where it stopped"
        yield "updater state", kept if told.updater_state else "none in the file"
        yield "trained", f"{told.iteration} iterations, {told.epoch} epochs"
        if net is None:
            yield "normalizer", "in the file" if told.normalizer else "none"
        else:
            yield "normalizer", "none" if net.normalizer is None else f"{net.normalizer!r}, comes along as net.normalizer"
            yield "streams", "yes" if net._reason is None else f"no: {net._reason}"
        for note in told.notes:
            yield "note", note
        for path, what in self.written.items():
            yield "written", f"{path}: {what}, {path.stat().st_size:,} bytes"


class Row(NamedTuple):
    """A layer or vertex, or without a name the preprocessor in front of one: shapes of what flows, and the number of parameters."""

    name: str
    kind: str
    takes: list[str]
    gives: str
    parameters: int


def rows(net: Network) -> Iterator[Row]:
    """Of each layer in order, running statistics among the parameters, as in DL4J."""
    sizes = Counter[int]()
    for name, array in {**net.parameters(), **net.buffers()}.items():
        sizes[index_of(net.config, name)] += array.size
    for index, (name, stage) in enumerate(zip(net.config.layer_names, net.config.stages, strict=True)):
        takes = _shapes(stage.takes)
        if stage.preprocessor is not None:
            yield Row("", type(stage.preprocessor).__name__, _shapes(stage.given), takes[0], 0)
        yield Row(name, stage.layer.title, takes, stage.gives.layout, sizes[index])


def _shapes(flows: InputType | tuple[InputType, ...]) -> list[str]:
    """Of what flows, in a graph from each input."""
    return [one.layout for one in (flows if isinstance(flows, tuple) else (flows,))]


def _layers(net: Network, width: int | None) -> Table:
    """Numbers stay on one line, whatever else is folded to fit ``width``, None: the console's."""
    table = Table(title="layers", width=width)
    for column in KEYS:
        numbers = column == "parameters"
        table.add_column(column, justify="right" if numbers else "left", overflow="fold", no_wrap=numbers)
    for row in rows(net):
        count = f"{row.parameters:,}" if row.name else ""
        table.add_row(*map(escape, (row.name, row.kind, "\n".join(row.takes), row.gives, count)))
    return table
