"""Batches as no client of good will sends them: bytes with the right checksum, and no more."""

from typing import Any

import cramjam
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
# Where the attributes of a batch are, and where its records begin.
ATTRIBUTES_AT, RECORDS_AT = 21, 61


def batch(*records: Any, codec: int = NONE, base: int = 0) -> bytes:
    """Return the bytes of a batch of (key, value, headers)."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 2**30)
    for index, (key, value, headers) in enumerate(records):
        assert builder.append(index, 1_000 + index, key, value, list(headers))
    return sealed(builder.build(), base)


def sealed(raw: bytes | bytearray, base: int = 0) -> bytes:
    """Give a batch its offset, its length and the checksum of what it has become."""
    raw = bytearray(raw)
    raw[0:8] = base.to_bytes(8, "big")
    raw[8:12] = (len(raw) - 12).to_bytes(4, "big")
    raw[17:21] = calc_crc32c(bytes(raw[ATTRIBUTES_AT:])).to_bytes(4, "big")
    return bytes(raw)


def spoilt(raw: bytes, old: bytes, new: bytes) -> bytes:
    """Return a batch with something in it replaced by something of the same length."""
    assert raw.count(old) == 1
    assert len(old) == len(new)
    return sealed(raw.replace(old, new), int.from_bytes(raw[:8], "big"))


def packed(raw: bytes) -> bytes:
    """Return a batch as it is compressed with zstd."""
    head = bytearray(raw[:RECORDS_AT])
    head[ATTRIBUTES_AT : ATTRIBUTES_AT + 2] = ZSTD.to_bytes(2, "big")
    return sealed(head + cramjam.zstd.compress(raw[RECORDS_AT:]), int.from_bytes(raw[:8], "big"))


def claiming(*offsets: int, base: int = 0) -> bytes:
    """Return a batch of small records, each of which claims an offset of its own."""
    bodies = [b"\0" + varint(0) + varint(it) + b"\x02a\x02b\0" for it in offsets]
    head = batch(*[(b"a", b"b", ())] * len(offsets))[:RECORDS_AT]
    return sealed(head + b"".join(varint(len(it)) + it for it in bodies), base)


def varint(number: int) -> bytes:
    """Write a number as records have it."""
    left, found = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes(found) + bytes([left])


class Ready:
    """A batch for a producer's `send_batch`, sent as its bytes are."""

    def __init__(self, raw):
        self._raw = raw

    def record_count(self):
        return int.from_bytes(self._raw[57:61], "big")

    def append(self, **_):
        return None

    def close(self):
        pass

    def closed(self):
        return True

    def _set_producer_state(self, *_):
        """Be of no producer: the checksum is there already."""

    def size(self):
        return len(self._raw)

    def _build(self):
        return bytearray(self._raw)
