"""Record batches of Kafka, taken apart record by record: what cannot be read stands for itself.

For what aiokafka cannot read, and for what it had better not: its own reader is much faster, and is
used for everything else (`fetched`). Format 2, the only one that brokers have taken since Kafka 4.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from broker.unpacking import CODEC_MASK, unpack
from schemas.topics import RECORD_BYTES_MAX

HEADERS_MAX: Final = 1000
# Of a key and of a value; a topic takes no larger record that is not compressed.
PART_BYTES_MAX: Final = RECORD_BYTES_MAX

# Base offset, length, leader epoch, magic, checksum, attributes, last offset delta, first and
# last timestamp, producer, its epoch and sequence, number of records.
_HEAD: Final = Struct(">qiibIhiqqqhii")
_ATTRIBUTES_AT: Final = 21
_LOG_APPEND_TIME: Final = 0x08
_VARINT_BYTES_MAX: Final = 10


class Unreadable:
    """In place of the value of a record that cannot be read."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        """Take why, for people."""
        self.reason = reason

    def __len__(self) -> int:
        """Return 0: nothing of it is kept."""
        return 0

    def __repr__(self) -> str:
        return f"Unreadable({self.reason!r})"


class Taken(NamedTuple):
    """One record as it was taken: what aiokafka's own records have."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None = None
    value: bytes | Unreadable | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    checksum: None = None


class MalformedError(ValueError):
    """The bytes are none of a record."""


def plain(raw: bytes) -> bytes:
    """Return the bytes of a batch as they are without compression. Raises UnpackingError."""
    attributes: int = _HEAD.unpack_from(raw)[5]
    codec = attributes & CODEC_MASK
    if not codec:
        return raw
    head = bytearray(raw[: _HEAD.size])
    head[_ATTRIBUTES_AT : _ATTRIBUTES_AT + 2] = (attributes & ~CODEC_MASK).to_bytes(2, "big")
    return bytes(head) + unpack(codec, raw[_HEAD.size :])


def apart(raw: bytes, start: int) -> Iterator[Taken]:
    """Yield the records of a batch without compression, from an offset on, in order."""
    head = _HEAD.unpack_from(raw)
    base, attributes, last, first_stamp, last_stamp, count = (
        *(head[0], head[5], head[6], head[7], head[8], head[12]),
    )
    # What a producer sends has no gaps, whatever offsets its records claim; what was compacted has.
    has_gaps = count != last + 1
    kind = int(bool(attributes & _LOG_APPEND_TIME))
    reader, due = _Reader(raw, _HEAD.size), start
    for index in range(count):
        try:
            record = reader.part()
        except MalformedError as error:
            # Where it ends, and with it where the others begin, is not known.
            if due <= base + last:
                yield Taken(base + last, last_stamp, kind, value=Unreadable(str(error)))
            return
        try:
            claimed, delta, key, value, headers = record.fields()
        except MalformedError as error:
            if has_gaps:
                continue
            key, value, headers, delta = None, Unreadable(str(error)), (), 0
            claimed = index
        offset = base + (claimed if has_gaps else index)
        if due <= offset <= base + last:
            due = offset + 1
            stamp = last_stamp if kind else first_stamp + delta
            yield Taken(offset, stamp, kind, key, value, headers)


_Fields = tuple[
    int, int, bytes | None, bytes | Unreadable | None, tuple[tuple[str, bytes | None], ...]
]


class _Reader:
    """Reads one thing after the other from bytes. Everything raises MalformedError."""

    def __init__(self, raw: bytes | memoryview, at: int = 0) -> None:
        self._raw = memoryview(raw)
        self._at = at

    def part(self) -> "_Reader":
        """Read what says its length, to be read by a reader of its own."""
        length = self.varint()
        return _Reader(self._take(length))

    def fields(self) -> _Fields:
        """Read a record: offset and timestamp as they differ from the batch's, and the rest."""
        self._take(1)
        stamp, offset = self.varint(), self.varint()
        key, value = self._bytes(), self._bytes()
        count = self.varint()
        if not 0 <= count <= HEADERS_MAX:
            raise MalformedError(f"it has {count} headers")
        headers = []
        for _ in range(count):
            name = self._bytes()
            try:
                headers.append(((name or b"").decode(), self._bytes()))
            except UnicodeDecodeError as error:
                raise MalformedError("the name of a header is no UTF-8") from error
        return offset, stamp, key, value, tuple(headers)

    def varint(self) -> int:
        """Read a number of variable length, zigzag."""
        raw, at, found = self._raw, self._at, 0
        for place in range(_VARINT_BYTES_MAX):
            if at + place >= len(raw):
                break
            byte = raw[at + place]
            found |= (byte & 0x7F) << 7 * place
            if not byte & 0x80:
                self._at = at + place + 1
                return (found >> 1) ^ -(found & 1)
        raise MalformedError("a number in it has no end")

    def _bytes(self) -> bytes | None:
        length = self.varint()
        if length > PART_BYTES_MAX:
            raise MalformedError(f"a part of it has {length:,} bytes")
        return None if length < 0 else bytes(self._take(length))

    def _take(self, length: int) -> memoryview:
        at = self._at
        if not 0 <= length <= len(self._raw) - at:
            raise MalformedError("it is shorter than it says")
        self._at = at + length
        return self._raw[at : self._at]
