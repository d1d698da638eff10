"""What must hold, whatever went wrong: judged by the log alone, with rules written a second time.

The chain rule, routing, and the dedupe of forwarded events are said here once more, on purpose;
what an event means says `tests/reference`. From the engine comes only what is compared with it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from aiokafka import TopicPartition
from simulation.folds import Fold, folded, id_of
from simulation.log import Stored
from simulation.played import PlayedPartition
from simulation.story import Story

from processor.hashed_rows import key_hash, origin_hash
from processor.partition_state import PartitionState
from processor.recent import RecentRecords
from processor.rows import path_of
from processor.rules.user_state import UserState, read_user_state, write_user_state
from schemas.codec import read_record
from schemas.inputs import RecordedDue
from schemas.inputs.base import DEFAULT_TENANT
from schemas.instants import micros
from schemas.records import Record, Source
from schemas.topics import Topics

FAR: Final = micros(datetime(8999, 1, 1, tzinfo=UTC))


class Oracle:
    """Looks at the log while a schedule runs, and judges it when it is over."""

    def __init__(
        self,
        topics: Mapping[TopicPartition, Sequence[Stored]],
        names: Topics,
        story: Story,
        violated: Callable[[str], None],
    ) -> None:
        """Take the log, what was sent, and who wants to know of violations."""
        self._topics = topics
        self._names = names
        self._story = story
        self._violated = violated
        # By partition, what each prefix of its ledger comes to.
        self._folds: dict[int, list[Fold]] = defaultdict(lambda: [Fold()])
        self._admitted: dict[int, list[Record]] = defaultdict(list)

    def _events(self, partition: int) -> Sequence[Stored]:
        return self._topics[TopicPartition(self._names.events, partition)]

    def _fold(self, partition: int) -> list[Fold]:
        """Fold what has come since, by the chain rule as it is described."""
        folds = self._folds[partition]
        ledger = self._topics[TopicPartition(self._names.ledger, partition)]
        for message in ledger[len(folds) - 1 :]:
            record, before = read_record(message.value or b""), folds[-1]
            follows = record.after == before.last
            if follows:
                self._admitted[partition].append(record)
            folds.append(folded(before, record) if follows else before)
        return folds

    def counts(self) -> tuple[int, int, int]:
        """Return how many events and records there are, and how many records were skipped."""
        events = records = skipped = 0
        for partition in range(self._story.partitions):
            events += len(self._events(partition))
            records += len(self._fold(partition)) - 1
            skipped += len(self._fold(partition)) - 1 - len(self._admitted[partition])
        return events, records, skipped

    def found(self) -> Counter[str]:
        """Return what can be counted only where it is judged.

        How many users' time came, as the clock said; and how many inputs were refused half-way.
        """
        admitted = [record for records in self._admitted.values() for record in records]
        applied = [it for it in admitted if it.outcome == "applied"]
        return Counter(
            due=sum(isinstance(it.input, RecordedDue) for it in applied),
            blocked=sum(it.code == "blocked" for it in admitted),
        )

    def complete(self) -> bool:
        """Tell whether every event has its record."""
        for partition in range(self._story.partitions):
            last = self._fold(partition)[-1].last
            if last is None or last.offset + 1 < len(self._events(partition)):
                return False
        return True

    def check_hint(self, partition: int, offset: int) -> None:
        """Check that nothing before a committed offset is without its record."""
        last = self._fold(partition)[-1].last
        if offset > (last.offset + 1 if last else 0):
            self._violated(f"I5: offset {offset} of {partition} was committed after {last}")

    def check_recent(self, partition: int, recent: RecentRecords) -> None:
        """Check that what a lane hands on in memory stands on the ledger, in the same place."""
        ledger = self._topics[TopicPartition(self._names.ledger, partition)]
        first = max(0, recent._first)
        for at, record in enumerate(recent.since(first, len(ledger)), first):
            if at >= len(ledger) or read_record(ledger[at].value or b"") != record:
                self._violated(f"I9: {record} is handed on as record {at} of {partition}")

    def check_store(self, where: str, partition: int, state: PartitionState) -> None:
        """Check that local state is the fold of the ledger up to its own position."""
        folds = self._fold(partition)
        if state.ledger >= len(folds):
            self._violated(f"I5: {where}: position {state.ledger} is ahead of the ledger")
            return
        fold = folds[state.ledger]
        if state.last != fold.last:
            self._violated(f"I5: {where}: {state.last} was applied last, not {fold.last}")
        if state.versions.get(DEFAULT_TENANT, 0) != fold.version:
            self._violated(f"I3: {where}: versions {state.versions}, not {fold.version}")
        for user in {*folds[-1].states, *fold.states}:
            found = state.users.get(path_of(DEFAULT_TENANT, user))
            expected = fold.states.get(user)
            if _bytes(found) != expected:
                told = None if expected is None else read_user_state(expected)
                self._violated(f"I3: {where}: {user} is {found}, by the ledger {told}")
        for use in folds[-1].used:
            first = state.used.first(_digest(use))
            if first != fold.used.get(use):
                self._violated(f"I2: {where}: {use} {first} {fold.used.get(use)}")
        self._check_time(where, fold, state)
        for it in folds[-1].corrected:
            tenant, user, event = it
            value = state.corrected(path_of(tenant, user), event)
            if value != fold.corrected.get(it):
                wanted = fold.corrected.get(it)
                self._violated(f"I2: {where}: {it} was corrected to {value}, not {wanted}")

    def _check_time(self, where: str, fold: Fold, state: PartitionState) -> None:
        """Check that the clock reads what the users' states say, and whether it has to wait."""
        dues = [(it.at, it.user) for it in state.users.dues.until(FAR, 1000)]
        if dues != fold.dues:
            self._violated(f"I3: {where}: {dues} fall due, by the ledger {fold.dues}")
        if state.hold != fold.hold:
            self._violated(f"I3: {where}: {state.hold} is held, by the ledger {fold.hold}")

    def check_all(self) -> None:
        """Check the whole log, once all is quiet."""
        letters: set[str] = set()
        profiles: set[str] = set()
        for partition in range(self._story.partitions):
            self._fold(partition)
            records, events = self._admitted[partition], self._events(partition)
            expected = [Source(0, partition, it) for it in range(len(events))]
            if [it.source for it in records] != expected:
                self._violated(f"I1: partition {partition} has not one record per event, in order")
                continue
            judged = PlayedPartition(self._story, partition, self._violated)
            for record, event in zip(records, events, strict=True):
                judged.check(record, event)
            judged.check_end(self._folds[partition][-1])
            letters |= judged.letters
            profiles |= judged.profiles
        found = {(it.key or b"").decode() for it in self._topic(self._names.dead_letters)}
        if found != letters:
            self._violated(f"dead letters: {sorted(found ^ letters)} are missing or too many")
        found = {(it.key or b"").decode() for it in self._topic(self._names.profiles)}
        if found != profiles:
            self._violated(f"profiles: {sorted(found ^ profiles)} are missing or too many")
        self._check_once()

    def _topic(self, name: str) -> Sequence[Stored]:
        return self._topics[TopicPartition(name, 0)]

    def _check_once(self) -> None:
        """Check that every event counts in one place at most, and forwarded ones arrive."""
        outcomes: dict[str, list[str]] = defaultdict(list)
        for records in self._admitted.values():
            for record in records:
                outcomes[id_of(record)].append(record.outcome)
        for event, found in outcomes.items():
            arrived = [it for it in found if it != "forwarded"]
            if not arrived or arrived.count("applied") > 1:
                self._violated(f"I1: event {event} came to {found}")


def _bytes(own: UserState | None) -> bytes | None:
    return None if own is None else write_user_state(own)


def _digest(use: tuple[str, ...]) -> bytes:
    if len(use) == 1:
        return origin_hash(use[0])
    tenant, user, scope, key = use
    return key_hash(path_of(tenant, user), scope, key)
