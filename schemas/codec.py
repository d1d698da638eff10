"""Bytes to words and back. Old versions are lifted to new ones here and nowhere else."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

import orjson
from pydantic import ValidationError

from schemas.entries import RECORD_VERSION, Record
from schemas.events import explain
from schemas.versions import EpochMark, Version

EVENT_ID = re.compile(r"^(\d+)-(\d+)-(\d+)$")


class UnreadableRecordError(ValueError):
    """A ledger record that this program cannot read: a newer one wrote it, or it is damaged."""


class ForeignRecordError(ValueError):
    """A record that is none of ours."""


def write_record(record: Record) -> bytes:
    """Write a ledger record."""
    return orjson.dumps(record)


def read_record(raw: bytes) -> Record:
    """Read a ledger record of this or an older version; UnreadableRecordError otherwise."""
    try:
        record: dict[str, Any] = orjson.loads(raw)
        version = record["v"]
    except (orjson.JSONDecodeError, TypeError, KeyError) as error:
        raise UnreadableRecordError("not a ledger record") from error
    if version != RECORD_VERSION:
        raise UnreadableRecordError(
            f"record version {version} is unknown; this program reads up to {RECORD_VERSION}"
        )
    return cast(Record, record)


def write_version(version: Version) -> bytes:
    """Write a version of definitions."""
    return version.model_dump_json().encode()


def read_version(raw: bytes) -> Version:
    """Read a version of definitions; pydantic's ValidationError for anything else."""
    return Version.model_validate_json(raw)


def read_definitions_record(raw: bytes) -> Version | EpochMark:
    """Read one record of xp.definitions.

    Raises ForeignRecordError for what is no version at all, and UnreadableRecordError for a version
    that this program cannot read: passing over it would judge by the wrong one.
    """
    try:
        told = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ForeignRecordError("not JSON") from error
    if not isinstance(told, dict) or not ({"version", "epoch"} & told.keys()):
        raise ForeignRecordError("neither a version nor an epoch")
    try:
        return EpochMark.model_validate(told) if "epoch" in told else read_version(raw)
    except ValidationError as error:
        raise UnreadableRecordError(f"a version that cannot be read: {explain(error)}") from error


def event_id(epoch: int, partition: int, offset: int) -> str:
    """Return the id of the event first found at a source position."""
    return f"{epoch}-{partition}-{offset}"


def read_event_id(text: str) -> tuple[int, int, int] | None:
    """Return epoch, partition and offset of an event id, None if it is none."""
    match = EVENT_ID.match(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


@lru_cache(maxsize=256)
def write_instant(at: datetime) -> str:
    """Write an instant in UTC, with a fraction only where it has one."""
    # Remembered: a record holds the same instant up to four times.
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat()[: -len("+00:00")] + "Z"


def from_millis(millis: int) -> datetime:
    """Return the instant of a broker's timestamp."""
    return datetime.fromtimestamp(millis / 1000, UTC)
