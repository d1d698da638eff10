"""What a fetch brought of a partition: every record, whether aiokafka can read it or not.

aiokafka ends with an error at a record with a header whose name is no UTF-8, and at a batch that it
cannot decompress, and again whenever it is asked to go on; it decompresses whatever it is sent, and
takes the offset that a record claims. So whoever may produce could stop every consumer. This is the
one place that stands in for a part of aiokafka: how records are taken from the bytes of a fetch.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Any, Final

import structlog
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from broker.batches import Taken, Unreadable, apart, plain
from broker.unpacking import UNPACKED_BYTES_MAX, UnpackingError

# So large a batch is taken apart one record at a time: aiokafka would make an object of each of
# millions of headers.
LARGE_BYTES: Final = 4 * 1024 * 1024

# Base offset, and how many bytes come after these two.
_BEGINNING: Final = Struct(">qi")

log = structlog.get_logger(__name__)


def install() -> None:
    """Have every consumer of this process take its records so."""
    fetcher.MemoryRecords = KeptBytes
    fetcher.PartitionRecords = Fetched


class KeptBytes:
    """aiokafka's MemoryRecords, and the bytes that they are made of."""

    def __init__(self, raw: bytes) -> None:
        """Take what came of one partition."""
        self._raw = raw
        self._at = 0
        # How many bytes its compressed batches have come to so far.
        self.unpacked = 0
        records = MemoryRecords(raw)
        self.has_next = records.has_next
        self.next_batch = records.next_batch
        self.size_in_bytes = records.size_in_bytes

    def of(self, base_offset: int) -> bytes:
        """Return the bytes of the batch that begins at an offset, not before the last one asked."""
        while True:
            found, length = _BEGINNING.unpack_from(self._raw, self._at)
            end = self._at + _BEGINNING.size + length
            if found == base_offset:
                return bytes(self._raw[self._at : end])
            self._at = end


class Fetched(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types here
    """aiokafka's iterator over what came of one partition, but that no record ends it."""

    # Whether whoever iterates takes records as they were unpacked: an object of eleven fields for
    # each costs as much as reading it.
    bare = False

    def _unpack_records(self) -> Iterator[Any]:
        records: KeptBytes = self._records
        bare, made, tp = self.bare, self._consumer_record, self._tp
        self.next_fetch_offset: int
        while records.has_next():
            batch: Any = records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                # Not as it was sent: asked for again, it may be.
                raise CorruptRecordException(f"the checksum of a batch of {tp} is wrong")
            end = batch.next_offset
            if not batch.is_control_batch:
                try:
                    for record in _records_of(batch, records):
                        offset = record.offset
                        if offset < self.next_fetch_offset:
                            continue
                        if offset >= end:
                            raise ValueError(f"a record of it says that its offset is {offset}")  # noqa: TRY301  told with the rest
                        self.next_fetch_offset = offset + 1
                        yield record if bare else made(tp, record)
                except Exception as error:  # noqa: BLE001  whatever came of it
                    # What can be read is, and the rest says that it cannot.
                    log.warning(
                        "fetched.unreadable",
                        topic=tp.topic,
                        partition=tp.partition,
                        first=self.next_fetch_offset,
                        last=end - 1,
                        error=str(error),
                    )
                    for taken in _left_of(batch, records, self.next_fetch_offset, error):
                        self.next_fetch_offset = taken.offset + 1
                        yield taken if bare else made(tp, taken)
            self.next_fetch_offset = end
            if records.unpacked > UNPACKED_BYTES_MAX:
                # The rest is fetched again, once this has been taken.
                return


def _records_of(batch: Any, records: KeptBytes) -> Any:  # noqa: ANN401  aiokafka's batches and records
    if not (isinstance(batch, DefaultRecordBatch) and batch.compression_type):
        return batch
    raw = plain(records.of(batch.base_offset))
    records.unpacked += len(raw)
    return DefaultRecordBatch(raw) if len(raw) <= LARGE_BYTES else apart(raw, batch.base_offset)


def _left_of(batch: Any, records: KeptBytes, start: int, error: Exception) -> Iterator[Taken]:  # noqa: ANN401  as above
    if isinstance(batch, DefaultRecordBatch) and not isinstance(error, UnpackingError):
        yield from apart(plain(records.of(batch.base_offset)), start)
        return
    # However many they are, they are told of once.
    last = batch.next_offset - 1
    is_stamped = isinstance(batch, DefaultRecordBatch)
    reason = f"the records {start} to {last} came as a batch that {error}"
    stamp, kind = (batch.max_timestamp, batch.timestamp_type) if is_stamped else (0, 0)
    yield Taken(last, stamp, kind, value=Unreadable(reason))
