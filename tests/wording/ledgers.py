"""Ledgers that a released program wrote, as they stand in data/, and the words of version 1."""

import gzip
import json
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from schemas.codec import read_record, write_record
from schemas.instants import write_micros
from schemas.numbers import write
from schemas.order import follows, link_of
from schemas.records import Link, Source, appended_text, event_id_of, time_text

DATA = Path(__file__).parents[1] / "data"
DEFAULTS: dict[str, Any] = {
    "created": None,
    "born": None,
    "known": 1,
    "due": None,
    "freezes": 0,
    "earned": None,
    "pauses": [],
    "preferences": {},
}
TRACK_DEFAULTS: dict[str, Any] = {"kept": None, "longest": 0, "past": []}


def lines(name):
    """Return the lines of a file in data/."""
    raw = (DATA / name).read_bytes()
    return (gzip.decompress(raw) if name.endswith(".gz") else raw).splitlines()


def check_lifted(line, record, last):
    """Hold a record against what its line of version 1 says; `last` is the link of the one before.

    What it no longer says follows from what it says.
    """
    old = json.loads(line)
    assert (old["v"], record.v) == (1, 2)
    assert event_id_of(record) == old["id"]
    assert time_text(record) == old["at"]
    assert appended_text(record) == old["appended"]
    epoch, _partition, offset = old["source"]
    assert record.source == Source(*old["source"])
    assert link_of(record) == Link(epoch, offset, old["lane"])
    assert follows(last, record)
    for name in ("outcome", "tenant", "user", "definitions", "rules"):
        assert getattr(record, name) == old[name]
    for name in ("key", "reason", "code", "first"):
        assert getattr(record, name) == old.get(name)
    kinds = [type(it).__struct_config__.tag for it in record.entries]
    assert kinds == [it["kind"] for it in old["entries"]]
    # In its form of today it reads back as equal.
    again = read_record(write_record(record))
    assert again == record
    assert write_record(again) == write_record(record)


def as_today(own):
    """Return a user's state of version 1 with all that it left out."""
    streaks = {name: {**TRACK_DEFAULTS, **track} for name, track in own["streaks"].items()}
    return {**DEFAULTS, **own, "streaks": streaks}


def as_version_1(own):
    """Return a user's state of today in the words of version 1, with nothing left out."""
    instants = {name: getattr(own, name) for name in ("time", "created", "due")}
    return {
        **_fields(own),
        **{name: None if at is None else write_micros(at) for name, at in instants.items()},
        "achievements": {key: write_micros(at) for key, at in own.achievements.items()},
        "series": {key: [write(it.total), write(it.peak)] for key, it in own.series.items()},
        "points": {key: it.total for key, it in own.points.items()},
        "streaks": {name: _track(it) for name, it in own.streaks.items()},
        "preferences": {} if own.preferences is None else _preferences(own.preferences),
    }


def _track(track):
    changes = {
        day.isoformat(): {metric: write(it) for metric, it in moved.items()}
        for day, moved in track.changes.items()
    }
    return {**_fields(track), "past": [_fields(it) for it in track.past], "changes": changes}


def _preferences(own):
    words = to_builtins(own)
    if own.metrics is not None:
        metrics = [{"metric": it.metric, "threshold": write(it.threshold)} for it in own.metrics]
        words["metrics"] = metrics
    return words


def _fields(own):
    # By name: as they are stored they are a list.
    return {name: to_builtins(getattr(own, name)) for name in own.__struct_fields__}
