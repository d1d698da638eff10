"""Bytes to words and back. Old versions are lifted to new ones here and nowhere else."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import orjson
from msgspec import MsgspecError, Struct, convert
from msgspec.json import Decoder, Encoder
from pydantic import ValidationError

from schemas.definitions.fields import STORED
from schemas.instants import MILLISECOND, read_instant
from schemas.notices import Notice
from schemas.numbers import Number, read_number
from schemas.records import RECORD_VERSION, Link, Record, Source, event_id
from schemas.strict import explain
from schemas.text import EventId
from schemas.versions import EpochMark, Version

# Of a version. A record of Kafka has 1 MiB, key and length fields included.
VERSION_BYTES_MAX: Final = 1_000_000
TENANT: Final = re.compile(r"^[a-zA-Z0-9_-]{1,255}\Z")
# Of epochs, and of partitions: where first uses are kept, each has three bytes.
EPOCH_MAX: Final = 2**24 - 1
# No more digits than offsets have: Python reads a number of any length in the square of it.
EVENT_ID: Final = re.compile(r"([0-9]{1,9})-([0-9]{1,9})-([0-9]{1,18})")

# Write a ledger record, and a notice. The encoder itself: one call less for each.
write_record: Final[Callable[[Record], bytes]] = Encoder().encode
write_notice: Final[Callable[[Notice], bytes]] = Encoder().encode
_INPUT: Final = Encoder(decimal_format="number")
_RECORD: Final = Decoder(Record)


class _Named(Struct):
    """What every record says of its place, whichever version it is of."""

    source: Source
    after: Link | None


_NAMED: Final = Decoder(_Named)


class UnreadableRecordError(ValueError):
    """A ledger record that this program cannot read: a newer one wrote it, or it is damaged."""

    def __init__(self, message: str, after: Link | Literal["unknown"] | None = "unknown") -> None:
        """Take why, and which predecessor the record names, as far as that is known."""
        super().__init__(message)
        self._after = after

    def concerns(self, last: Link | None) -> bool:
        """Tell whether the record may be next in the chain: if not, it counts for nobody."""
        return self._after in ("unknown", last)


class UnreadableVersionError(UnreadableRecordError):
    """A version of definitions that this program cannot read, or one that follows it.

    It concerns its tenant and nobody else.
    """

    def __init__(self, tenant: str | None, version: int | None, reason: str) -> None:
        """Take whose version it is and its number, None where it does not say, and the reason."""
        named = "a version" if tenant is None else f"version {version} of tenant {tenant!r}"
        super().__init__(
            f"{named} cannot be read, as it is damaged or of a newer program: {reason}"
        )
        self.tenant = tenant
        self.version = version
        self.reason = reason


class VersionTooLargeError(ValueError):
    """A version of definitions that does not fit into one record."""


class ForeignRecordError(UnreadableRecordError):
    """A record that is none of ours: it has no place among those that are."""

    def concerns(self, last: Link | None) -> bool:
        """See UnreadableRecordError."""
        del last
        return False


def read_record(raw: bytes) -> Record:
    """Read a ledger record of this or an older version.

    Raises ForeignRecordError for what is no record, as it names no predecessor, and
    UnreadableRecordError for one that this program cannot read.
    """
    try:
        record = _RECORD.decode(raw)
    except (MsgspecError, UnicodeDecodeError, RecursionError, TypeError) as error:
        return _read_older(raw, error)
    if record.v != RECORD_VERSION:
        return _read_older(raw, None)
    return record


def _read_older(raw: bytes, problem: Exception | None) -> Record:
    try:
        words = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ForeignRecordError("not a ledger record: not JSON") from error
    if not isinstance(words, dict) or "v" not in words:
        raise ForeignRecordError("not a ledger record: it says no version")
    version = words["v"]
    unknown = f"record version {version} is unknown; this program reads up to {RECORD_VERSION}"
    if type(version) is not int or version < 1:
        raise ForeignRecordError(unknown)
    if version > RECORD_VERSION:
        raise UnreadableRecordError(unknown)
    kind = f"not a ledger record{' of version 1' if version == 1 else ''}"
    try:
        after = _NAMED.decode(raw).after
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ForeignRecordError(f"{kind}: {error}") from error
    if version == RECORD_VERSION:
        raise UnreadableRecordError(f"{kind}: {problem}", after) from problem
    try:
        return convert(_lifted(words), Record)
    except (
        MsgspecError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
    ) as error:
        raise UnreadableRecordError(f"{kind}: {error}", after) from error


def write_input(given: Mapping[str, Any]) -> bytes:
    """Write an input for xp.events, its numbers exactly as they are."""
    return _INPUT.encode(given)


# -- version 1: the same words with more of them; numbers as texts, instants as texts throughout


def _lifted(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record of version 1 as a record of version 2 has it, before types are checked."""
    state = record.get("state")
    lifted = {
        **record,
        "v": RECORD_VERSION,
        "appended": read_instant(record["appended"]) // MILLISECOND,
        "input": _lifted_input(record["input"]),
        "entries": [_lifted_entry(it) for it in record["entries"]],
        "state": None if state is None else _with_numbers(state, "total"),
    }
    # The event time follows from the input and the append time, the others where they are equal.
    del lifted["at"]
    if record["id"] == event_id(*record["source"]):
        del lifted["id"]
    if record["after"] is not None and record["after"][2] == record["lane"]:
        del lifted["lane"]
    return lifted


def _lifted_input(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if given is None:
        return None
    lifted = {"type": "metric", **_with_numbers(given, "value", "was")}
    if "series" in given:
        lifted["series"] = _pairs(given["series"])
    if "streak" in given:
        lifted["streak"] = _preferences(given["streak"])
    return lifted


def _lifted_entry(entry: dict[str, Any]) -> dict[str, Any]:
    match entry["kind"]:
        case "total":
            lifted = _with_numbers(entry, "change", "total")
            for name in ("subtotals", "peaks"):
                if name in entry:
                    lifted[name] = {key: read_number(text) for key, text in entry[name].items()}
            return lifted
        case "progress":
            periods = {
                frequency: (first, read_number(change))
                for frequency, (first, change) in entry["periods"].items()
            }
            return {**entry, "periods": periods}
        case "correction":
            return _with_numbers(entry, "before", "after")
        case "backfill":
            return {**entry, "series": _pairs(entry["series"])}
        case "preferences":
            return {**entry, "streak": _preferences(entry["streak"])}
        case _:
            # It has no numbers but whole ones.
            return entry


def _with_numbers(words: dict[str, Any], *names: str) -> dict[str, Any]:
    lifted = dict(words)
    for name in names:
        if lifted.get(name) is not None:
            lifted[name] = read_number(lifted[name])
    return lifted


def _pairs(series: dict[str, list[str]]) -> dict[str, tuple[Number, Number]]:
    return {name: (read_number(it), read_number(peak)) for name, (it, peak) in series.items()}


def _preferences(streak: dict[str, Any]) -> dict[str, Any]:
    if "metrics" not in streak:
        return streak
    return {**streak, "metrics": [_with_numbers(it, "threshold") for it in streak["metrics"]]}


# -- versions of definitions


def write_version(version: Version) -> bytes:
    """Write a version of definitions; VersionTooLargeError when it does not fit into a record."""
    raw = version.model_dump_json().encode()
    if len(raw) > VERSION_BYTES_MAX:
        raise VersionTooLargeError(
            f"the definitions would have {len(raw):,} bytes and may have {VERSION_BYTES_MAX:,}: "
            "what is archived counts too"
        )
    return raw


def read_version(raw: bytes) -> Version:
    """Read a version of definitions; pydantic's ValidationError for anything else."""
    return Version.model_validate_json(raw, context=STORED)


def read_definitions_record(raw: bytes) -> Version | EpochMark:
    """Read one record of xp.definitions.

    Raises ForeignRecordError for what is no version at all, UnreadableVersionError for a version
    that this program cannot read, and UnreadableRecordError for an epoch, which concerns everyone.
    """
    try:
        words = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ForeignRecordError("not JSON") from error
    if not isinstance(words, dict) or not ({"version", "epoch"} & words.keys()):
        raise ForeignRecordError("neither a version nor an epoch")
    if "version" not in words:
        try:
            return EpochMark.model_validate(words)
        except ValidationError as error:
            message = f"an epoch that cannot be read: {explain(error)}"
            raise UnreadableRecordError(message) from error
    if len(raw) > VERSION_BYTES_MAX:
        # Not looked into: what is wrong in it could be a million things.
        reason = f"it has {len(raw):,} bytes and may have {VERSION_BYTES_MAX:,}"
        raise _unreadable(words, reason)
    try:
        return read_version(raw)
    except ValidationError as error:
        raise _unreadable(words, explain(error)) from error


def _unreadable(words: dict[str, Any], reason: str) -> UnreadableVersionError:
    """Return the error for a record: whose version it is and its number, if it says both."""
    tenant, version = words.get("tenant"), words.get("version")
    if isinstance(tenant, str) and TENANT.match(tenant) and type(version) is int and version > 0:
        return UnreadableVersionError(tenant, version, reason)
    return UnreadableVersionError(None, None, reason)


def read_event_id(text: EventId) -> tuple[int, int, int] | None:
    """Return epoch, partition and offset of an event id, None if it is none."""
    match = EVENT_ID.fullmatch(text)
    if match is None:
        return None
    epoch, partition = int(match[1]), int(match[2])
    if epoch > EPOCH_MAX or partition > EPOCH_MAX:
        return None
    return epoch, partition, int(match[3])
