"""Results as a JSON file that grows: a row that is measured replaces its former self alone."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

from benchmarks.rows import BY_NAME

PACKAGES: Final = ("faust-streaming", "aiokafka", "rocksdict", "pydantic", "orjson", "uvloop")
DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured for a row."""

    # One value per round, in the row's unit.
    rounds: list[float]
    # What was measured beside it in the same run: name -> one value per round.
    beside: Mapping[str, list[float]] = field(default_factory=dict)
    # How it was measured: sizes, rates, seconds, and what a reader must know.
    how: Mapping[str, Any] = field(default_factory=dict)
    # Where it is not the median of the rounds: a ratio of two medians, say.
    exact: float | None = None

    @property
    def value(self) -> float:
        """The figure."""
        return median(self.rounds) if self.exact is None else self.exact


class Results:
    """The results of all runs that were written to one file, or of this run alone."""

    def __init__(self, path: Path | None, scale: float) -> None:
        """Take the file, which need not exist yet, and the scale of this run."""
        self._path = path
        self._scale = scale
        self.rows: dict[str, dict[str, Any]] = read(path) if path and path.exists() else {}

    def record(self, name: str, figure: Figure) -> None:
        """Keep a row's figure."""
        self._keep(
            name,
            {
                "what": BY_NAME[name].what,
                "value": rounded(figure.value),
                "unit": BY_NAME[name].unit,
                "rounds": [rounded(value) for value in figure.rounds],
                "beside": {
                    other: {
                        "median": rounded(median(values)),
                        "rounds": [rounded(value) for value in values],
                    }
                    for other, values in figure.beside.items()
                    if values
                },
                "how": dict(figure.how),
                "scale": self._scale,
                **_circumstances(),
            },
        )

    def fail(self, name: str, reason: str) -> None:
        """Keep why a row has no figure this time; an older figure stays, with the reason beside."""
        failed = {"date": _now(), "reason": reason}
        self._keep(name, self.rows.get(name, {}) | {"failed": failed})

    def _keep(self, name: str, result: dict[str, Any]) -> None:
        self.rows[name] = result
        if self._path is None:
            return
        ordered = {row: self.rows[row] for row in BY_NAME if row in self.rows}
        text = json.dumps({"rows": ordered}, indent=2) + "\n"
        draft = self._path.with_suffix(".new")
        draft.write_text(text)
        draft.replace(self._path)


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of a file of results, by name. Raises OSError and ValueError."""
    rows: dict[str, dict[str, Any]] = json.loads(path.read_text())["rows"]
    return rows


def _circumstances() -> dict[str, Any]:
    return {
        "date": _now(),
        "machine": {
            "cores": os.cpu_count(),
            "processor": _processor(),
            "memory_gb": round(psutil.virtual_memory().total / 2**30),
            "system": platform.platform(terse=True),
            # Above the cores in use by the run itself, somebody else was busy.
            "load": [round(it, 1) for it in os.getloadavg()],
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def rounded(value: float) -> float:
    """Return a value with as many digits as results are kept with."""
    return float(f"{value:.{DIGITS}g}")
