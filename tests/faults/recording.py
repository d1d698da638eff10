"""Both logs of a system of another time, as a file: one line of JSON per record, gzipped.

Bytes that are no UTF-8 are kept as lone surrogates, which JSON can tell.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from faults.lines import Raw

# What the version that writes records of version 1 has left: see `faults.record`.
PATH = Path(__file__).resolve().parents[1] / "data" / "logs-v1.ndjson.gz"

Log = Mapping[int, Sequence[Raw]]


class Recording(NamedTuple):
    """The records of both logs, by partition and in order, from offset 0 on."""

    events: Log
    ledger: Log


def read_recording(path: Path = PATH) -> Recording:
    """Read a file that `write_recording` wrote."""
    logs: dict[str, dict[int, list[Raw]]] = {"events": {}, "ledger": {}}
    with gzip.open(path, "rt", encoding="ascii") as file:
        for line in file:
            words = json.loads(line)
            raw = Raw(
                words["offset"],
                words["timestamp"],
                _bytes(words["key"]),
                _bytes(words["value"]),
                tuple(
                    (name, value.encode("utf-8", "surrogateescape"))
                    for name, value in words["headers"]
                ),
            )
            logs[words["log"]].setdefault(words["partition"], []).append(raw)
    return Recording(**logs)


def write_recording(path: Path, recording: Recording) -> None:
    """Write a file for `read_recording`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        for log, partitions in recording._asdict().items():
            for partition, records in partitions.items():
                for raw in records:
                    file.write(_line(log, partition, raw))


def _line(log: str, partition: int, raw: Raw) -> bytes:
    words: dict[str, Any] = {
        "log": log,
        "partition": partition,
        "offset": raw.offset,
        "timestamp": raw.timestamp,
        "key": _text(raw.key),
        "value": _text(raw.value),
        "headers": [(name, _text(value)) for name, value in raw.headers],
    }
    return json.dumps(words).encode() + b"\n"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "surrogateescape")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")
