"""What verify found, as rows of a table and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ParityRow:
    """One comparison: the largest difference, the same divided by the largest expected value, and what is allowed for the first."""

    what: str
    absolute: float
    relative: float
    tolerance: float
    ok: bool


@dataclass(frozen=True)
class ParityReport:
    """All comparisons of one file on one device; true where each is within its tolerance."""

    path: str
    device: str
    rows: tuple[ParityRow, ...]

    def __bool__(self) -> bool:
        return all(row.ok for row in self.rows)

    def __str__(self) -> str:
        width = max(len(row.what) for row in self.rows)
        lines = [
            f"{row.what:{width}}  {row.absolute:13.3g}  {row.relative:10.3g}  {row.tolerance:9.3g}  {'ok' if row.ok else 'OFF'}"
            for row in self.rows
        ]
        head = f"{'compared':{width}}  {'largest error':>13}  {'relative':>10}  {'tolerance':>9}"
        bad = sum(not row.ok for row in self.rows)
        verdict = f"all {len(self.rows)} comparisons within tolerance" if self else f"{bad} of {len(self.rows)} comparisons OFF"
        return "\n".join([f"{self.path} on {self.device}", head, *lines, verdict])

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it; an error that is not finite is None."""
        rows = [{k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(row).items()} for row in self.rows]
        return {"path": self.path, "device": self.device, "ok": bool(self), "rows": rows}

    def to_json(self) -> str:
        """The report as JSON; an error that is not finite is null."""
        return json.dumps(self.as_dict(), indent=2)


@dataclass(frozen=True)
class DeviceReports:
    """The reports of one file on every device that works here; true where each is, and none has failed.

    ``left_out`` tells of the others why they have none; those of them that were opened and then failed in a run are in ``failed``.
    """

    path: str
    reports: tuple[ParityReport, ...]
    left_out: Mapping[str, str]
    failed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return all(self.reports) and not self.failed

    def __str__(self) -> str:
        others = [f"{'FAILED' if device in self.failed else 'not'} on {device}: {why}" for device, why in self.left_out.items()]
        return "\n\n".join([*map(str, self.reports), *others])

    def to_json(self) -> str:
        """The reports as JSON, by device; of a device that has none why that is."""
        devices = {report.device: {k: v for k, v in report.as_dict().items() if k in ("ok", "rows")} for report in self.reports}
        content = {"path": self.path, "ok": bool(self), "devices": devices, "left_out": dict(self.left_out), "failed": list(self.failed)}
        return json.dumps(content, indent=2)
