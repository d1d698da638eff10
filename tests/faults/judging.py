"""Follows one world's logs record by record, beside a second implementation of the rules.

What comes in is what the broker holds: the events topic and the ledger. What comes out are the
texts of violations, and the sets of ids that everything behind the ledger must agree with.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from faults.again import Rows, difference, version_of
from faults.balances import Balances
from faults.expectation import Expectation, origin_of
from faults.game import founded
from faults.lines import Line, Raw, Who
from faults.owed import Owed
from faults.plan import POISON
from faults.recording import Recording
from faults.second import Effects, Second
from faults.sent import Known, Sent, read
from faults.signatures import SECRET, may_be
from faults.tables import Tables
from reference.translation import differences, effects_of_record

from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.rules.compiling import compile_version
from processor.rules.ruleset import Ruleset
from schemas.codec import read_record
from schemas.entries import BoostEntry, StreakEntry
from schemas.inputs import RecordedDue, RecordedEvent
from schemas.instants import from_millis
from schemas.records import Record, Source, event_id_of, link_of
from schemas.signing import Secrets, Signer
from schemas.topics import DEFAULT_TENANT, Topics
from schemas.versions import Version

PROBLEMS_MAX = 12
# After so many records, state goes to its rows, as a worker's does after every batch.
KEPT_EVERY = 100

# By how much the clocks of this machine's processes may differ at all.
CLOCKS_APART = timedelta(seconds=1)


class Judging:
    """All that follows from the two logs of one world."""

    def __init__(self, partitions: int, topics: Topics, *, signed: bool = False) -> None:
        """Begin before the first record; `signed`: what only the parts may say is signed."""
        self._signer = Signer(Secrets(SECRET), topics.events) if signed else None
        self._is_signed = signed
        self.partitions = partitions
        self.topics = topics
        # Every version that was ever put in force, by number.
        self.versions: dict[int, Version] = {}
        self.lines = [
            Line(number, partitions, self.versions, PartitionState(Rows(), number))
            for number in range(partitions)
        ]
        self._rulesets: dict[int, Ruleset] = {}
        self.learn([founded()])
        self.second = Second(self.versions)
        self.tables = Tables()
        self.sent = Sent(self.tell)
        self._expectation = Expectation(
            partitions, self.second, self.sent.poison, self.tell, self.may_be
        )
        # By how much any worker's clock was ahead so far.
        self.ahead = CLOCKS_APART
        # What the last record on an event says, forwarded ones aside.
        self.records: dict[str, Known] = {}
        # Use of a key, or fall of a due instant -> id of the event that it was applied by.
        self.used: dict[tuple[Any, ...], str] = {}
        # What happened to the streaks of a user, in order: frequency, change and length.
        self.streaks: dict[Who, list[tuple[str, str, int]]] = defaultdict(list)
        # Outcome -> inputs of the clock that came to it.
        self.dues: Counter[str] = Counter()
        # Changes of boosts: of a user, or of everyone (None), which boost and change -> times.
        self.boosts: Counter[tuple[str | None, str, str]] = Counter()
        self.owed = Owed(topics)
        # Version of the words of records that count -> how many there are.
        self.formats: Counter[int] = Counter()
        self.problems: list[str] = []
        # Records that the chain rule skips; those and replays together.
        self.skipped = 0
        self.dropped = 0
        self._balances = Balances()

    def may_be(self, partition: int, raw: Raw) -> bool:
        """Tell whether who sent a record may have."""
        return not self._is_signed or may_be(self.topics, partition, raw)

    def tell(self, text: str) -> None:
        """Note a violation; only so many are kept, the first say most."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)

    def learn(self, versions: Iterable[Version]) -> None:
        """Take versions of the definitions that were read; known ones stay."""
        for version in versions:
            if version.tenant == DEFAULT_TENANT and version.version not in self.versions:
                self.versions[version.version] = version
                self._rulesets[version.version] = compile_version(version)

    def _ruleset(self, tenant: str, version: int) -> Ruleset | None:
        return self._rulesets.get(version) if tenant == DEFAULT_TENANT else None

    def recall(self, recording: Recording) -> None:
        """Take the logs of another time, of which nobody knows who has sent what."""
        self.sent.poison.update(POISON)
        for partition, events in recording.events.items():
            self.lines[partition].events = {raw.offset: raw for raw in events}
        for partition, records in recording.ledger.items():
            for raw in records:
                self.add_record(partition, raw.offset, raw.value or b"")

    def begin_epoch(self, epoch: int) -> None:
        """The events topic has begun anew by an operator's word: every partition counts from 0."""
        for line in self.lines:
            line.epoch, line.due, line.events = epoch, 0, {}

    # The events topic

    def add_event(self, partition: int, raw: Raw) -> None:
        """Take one record of the events topic, and ask whether it may be there."""
        line = self.lines[partition]
        line.events[raw.offset] = raw
        if origin_of(raw) and self.may_be(partition, raw):
            return
        here = f"{line.epoch}-{partition}-{raw.offset}"
        self.sent.place(here, raw.value or b"", read(raw.value))

    # The ledger

    def add_record(self, partition: int, offset: int, value: bytes) -> None:
        """Take one record of the ledger."""
        line = self.lines[partition]
        record = read_record(value)
        if record.after != line.last:
            self.skipped += 1
            self.dropped += 1
            return
        line.last = link_of(record)
        # An offset need not have a record: who produces may claim what he likes.
        while line.events and line.due < record.source.offset and line.due not in line.events:
            line.due += 1
        if record.source != Source(line.epoch, partition, line.due):
            self.tell(
                f"I5 ledger {partition}/{offset}: source {record.source}, "
                f"due was {line.due} of epoch {line.epoch}"
            )
        source = record.source.offset
        line.due = source + 1
        raw = line.events.pop(source, None)
        if raw is None:
            self.tell(f"I1 ledger {partition}/{offset}: no event at {record.source}")
            return
        self.formats[version_of(value)] += 1
        expected = self._expectation.of(line, raw)
        lane = link_of(record).lane
        context = LaneContext(
            partition, self.partitions, line.epoch, lane, self._ruleset, self._signer
        )
        if differs := difference(context, line.state, raw, value):
            self.tell(differs)
        self._compare(record, expected)
        self._check_clock(line, record)
        for text in self._balances.check(record, self.versions):
            self.tell(text)
        self._note(line, record)
        self.dropped += record.outcome == "replayed"
        self.owed.add(record, raw)
        self.tables.add(partition, offset, record)
        if offset % KEPT_EVERY == 0:
            line.state.keep(offset + 1)

    def _compare(self, record: Record, expected: Effects) -> None:
        """I1 to I3: the second implementation says the same of the event."""
        given, line = event_id_of(record), self.lines[record.source.partition]
        frequency = self.second.frequency(line.number, line.version)
        effects = effects_of_record(record, frequency)
        found = {"id": given, "definitions": record.definitions, **effects}
        if wrong := differences(found, expected):
            self.tell(f"I3 {given} of {record.user}: {'; '.join(wrong)}")
        if record.outcome == "forwarded":
            return
        metric = _metric_of(record)
        known = self.records.get(given)
        if known is not None and "applied" in (known.outcome, record.outcome):
            if known.outcome == record.outcome:
                self.tell(f"I1 {given} was applied twice")
            elif record.outcome == "replayed":
                return
        self.records[given] = Known(record.user, metric, record.key, record.outcome)
        if record.outcome == "applied" and record.key is not None:
            self._use((record.tenant, record.user, metric, record.key), given, "I2")

    def _use(self, use: tuple[Any, ...], given: str, invariant: str) -> None:
        """Note what counts once, and which event it was used by."""
        if use in self.used:
            self.tell(f"{invariant} {use} was applied by {self.used[use]} and by {given}")
        self.used[use] = given

    def _check_clock(self, line: Line, record: Record) -> None:
        """I13: what the clock says has fallen due, has, and each instant counts once."""
        due = record.input
        if not isinstance(due, RecordedDue) or record.outcome == "forwarded":
            return
        self.dues[record.outcome] += 1
        assert record.user is not None, record
        who, given = (record.tenant, record.user), event_id_of(record)
        if due.at not in line.dues_ever[who]:
            self.tell(f"I13 {given}: nothing of {who} ever fell due at {due.at}")
        if due.at > from_millis(record.appended) + self.ahead:
            self.tell(f"I13 {given}: {who} was due at {due.at} before it was time")
        if record.outcome == "applied":
            self._use((*who, "due", due.at), given, "I13")

    def _note(self, line: Line, record: Record) -> None:
        """Remember what later records are checked by."""
        if record.outcome != "applied":
            return
        line.note(record)
        for entry in record.entries:
            if isinstance(entry, StreakEntry):
                assert record.user is not None, record
                change = (entry.frequency, entry.change, entry.length)
                self.streaks[record.tenant, record.user].append(change)
            if isinstance(entry, BoostEntry):
                path = f"{entry.system}/{entry.boost}"
                self.boosts[record.user, path, entry.change] += 1

    def pending(self, now: datetime) -> str:
        """Say what time or new definitions have asked for and nobody judged yet; empty: nothing."""
        return "; ".join(text for line in self.lines for text in line.pending(now))

    # What was sent

    def check_ends(self, ends: Mapping[int, int]) -> None:
        """I1 and I5: every position of the events up to the ends has its admitted record."""
        for partition, line in enumerate(self.lines):
            if line.due != ends[partition] or line.events:
                self.tell(
                    f"I1 partition {partition}: events up to {ends[partition]}, records up to "
                    f"{line.due}, without one {sorted(line.events)[:3]}"
                )


def _metric_of(record: Record) -> str | None:
    """Return within what a key counts: the metric of an event, the type of another input."""
    given = record.input
    if given is None:
        return None
    if isinstance(given, RecordedEvent):
        return given.metric
    return f":{type(given).__struct_config__.tag}"
