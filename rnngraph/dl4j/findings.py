"""What is told of a model file of DL4J's and of the network that it became: for people, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rnngraph.dl4j.origin import Description
from rnngraph.summary import LayerRow, layer_rows

if TYPE_CHECKING:
    from rnngraph.base_network import Network
    from rnngraph.runtime import ParityReport

COLUMNS = ("", "class", "takes", "gives", "parameters")


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
        layers = [] if net is None else [_told(row) for row in layer_rows(net.config)]
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
        net = self.network
        console.print(f"{escape(str(self.told.path))}: a {self.told.kind} of DL4J {self.told.version}", highlight=False, soft_wrap=True)
        if net is not None:
            console.print(_layers(net))
        facts = Table.grid(padding=(0, 2))
        for name, text in self._facts():
            facts.add_row(name, escape(text))
        console.print(facts, highlight=False)
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


def _told(row: LayerRow) -> dict[str, Any]:
    """A layer in JSON; its running statistics are parameters, as in DL4J."""
    count = (row.parameters or 0) + row.kept
    return {"name": row.name, "class": row.type, "takes": list(row.takes), "gives": row.gives, "parameters": count}


def _layers(net: Network) -> Table:
    table = Table(title="layers")
    for column in COLUMNS:
        table.add_column(column, justify="right" if column == "parameters" else "left", overflow="fold")
    for row in layer_rows(net.config):
        count = "" if row.parameters is None else f"{row.parameters + row.kept:,}"
        table.add_row(*map(escape, (row.name, row.type, "\n".join(row.takes), row.gives, count)))
    return table
