"""The way of a record into a lane, without a broker: from the bytes of a fetch to the ledger's.

Whatever is thrown at it, it makes a record of, within its time. What goes beyond a bound is an
AssertionError; what the judge raises comes out as it is.
"""

import time
from collections.abc import Sequence
from typing import Final

from aiokafka import TopicPartition
from faults.again import Rows
from hostile.inputs import Thrown
from wild import EVERYTHING

from broker.batches import Unreadable
from broker.fetched import Fetched, KeptBytes
from broker.partitions import partition_of
from processor.judge import judge
from processor.messages import LaneContext, MissingVersionError
from processor.partition_state import PartitionState
from processor.pending import Headers, Message, PendingRecord
from processor.rules.compiling import compile_definitions
from processor.rules.ruleset import Ruleset
from schemas.codec import read_record
from schemas.definitions import Definitions
from schemas.inputs import may_anyone_say
from schemas.inputs.reading import InvalidInputError, read_input
from schemas.signing import Secrets, Signer, signed
from schemas.topics import EVENT_BYTES_MAX, RECORD_BYTES_MAX

# Of the processor's time, for one record on a slow machine. Most take a thousandth of it.
BOUND_S: Final = 1.0
# 2026-03-02T12:00:00Z.
NOON: Final = 1_772_452_800_000
MINUTE: Final = 60_000
PARTITIONS: Final = 2
EPOCH: Final = 2
TOPIC: Final = TopicPartition("xp.events", 0)
RULES: Final = compile_definitions(Definitions.model_validate(EVERYTHING), 1)
SIGNER: Final = Signer(Secrets("a secret that no stranger has"), TOPIC.topic)
MARKER: Final = b'{"type":"definitions","version":1}'
# A letter's topic takes more than its value; the others are short.
LETTER_BYTES_MAX: Final = RECORD_BYTES_MAX + 64 * 1024
KEPT_EVERY: Final = 200


class Intake:
    """One partition's lane, from its first event on."""

    def __init__(self) -> None:
        """Begin with definitions in force."""
        self._state = PartitionState(Rows(), TOPIC.partition)
        self._context = LaneContext(
            TOPIC.partition, PARTITIONS, EPOCH, "token", self._ruleset, SIGNER
        )
        self._offset = 0
        # What came of them, by outcome.
        self.outcomes: dict[str, int] = {}
        self.slowest_s = 0.0
        self.take(Thrown(None, MARKER, (), signed=True))

    def _ruleset(self, tenant: str, version: int) -> Ruleset | None:
        return RULES if (tenant, version) == ("default", 1) else None

    def take(self, thrown: Thrown) -> None:
        """Have one record judged."""
        headers = thrown.headers
        if thrown.signed and thrown.value is not None:
            headers = tuple(
                signed(SIGNER, TOPIC.partition, thrown.key, thrown.value, dict(headers))
            )
        self._take(thrown.key, thrown.value, headers)

    def take_batch(self, raw: bytes, start: int) -> int:
        """Have all that a fetch brought be judged; return how many records that were."""
        began = time.process_time()
        fetched = Fetched(
            TOPIC, KeptBytes(raw), None, start, None, None, check_crcs=True, isolation_level=""
        )
        fetched.bare = True
        taken: Sequence[Message] = [
            Message(it.offset, NOON, it.key, it.value, tuple(it.headers)) for it in fetched
        ]
        assert time.process_time() - began <= BOUND_S, "taken apart too slowly"
        offsets = [it.offset for it in taken]
        assert offsets == sorted(set(offsets)), "the offsets of a batch must rise"
        for it in taken:
            self._take(it.key, it.value, it.headers)
        return len(taken)

    def _take(self, key: bytes | None, value: bytes | Unreadable | None, headers: Headers) -> None:
        at = NOON + self._offset * MINUTE
        message = Message(self._offset, at, key, value, headers)
        began = time.process_time()
        pending = self._judged(message)
        took_s = time.process_time() - began
        self.slowest_s = max(self.slowest_s, took_s)
        assert took_s <= BOUND_S, f"took {took_s:.1f} s"
        self._offset += 1
        if self._offset % KEPT_EVERY == 0:
            self._state.keep(self._offset)
        outcome = pending.record.outcome
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self._check(message, pending)

    def _judged(self, message: Message) -> PendingRecord:
        absent: set[tuple[str, int]] = set()
        while True:
            try:
                return judge(self._context, self._state, message, absent)
            except MissingVersionError as missing:
                place = (missing.tenant, missing.version)
                assert place not in absent, "a version that is in force was never there"
                absent.add(place)

    def _check(self, message: Message, pending: PendingRecord) -> None:
        record = pending.record
        assert "internal error" not in (record.reason or ""), record.reason
        assert len(pending.raw) <= RECORD_BYTES_MAX
        assert read_record(pending.raw) == record
        assert record.source.offset == message.offset
        for send in pending.sends:
            size = len(send.value or b"") + len(send.key)
            size += sum(len(name.encode()) + len(it or b"") for name, it in send.headers)
            assert size <= LETTER_BYTES_MAX
            if send.to == "events":
                assert send.partition == partition_of(send.key, PARTITIONS) != TOPIC.partition
        if record.outcome != "dead":
            assert isinstance(message.value, bytes)
            assert len(message.value) <= EVENT_BYTES_MAX
            assert _may(message), "somebody was believed what only the parts may say"
        elif pending.forged is None and isinstance(message.value, bytes):
            assert _is_bad(message.value), record.reason


def _may(message: Message) -> bool:
    headers, value = dict(message.headers), message.value
    assert isinstance(value, bytes)
    free = may_anyone_say(read_input(value)) and not {"xp-forwarded", "xp-time"} & headers.keys()
    return free or SIGNER.has_signed(TOPIC.partition, message.key, value, headers)


def _is_bad(value: bytes) -> bool:
    """Tell whether a dead input may be one: it is none, or asks for a version that is not there."""
    if len(value) > EVENT_BYTES_MAX:
        return True
    try:
        return not may_anyone_say(read_input(value))
    except InvalidInputError:
        return True
