"""Follows one world's logs record by record, beside a second implementation of the rules.

What comes in is what the broker holds: the events topic and the ledger. What comes out are the
texts of violations, and the sets of ids that everything behind the ledger must agree with.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from faults.balances import Balances
from faults.lines import OF_PARTITION, Line, Raw, Who, instant
from faults.load import partition_of
from faults.plan import Event, founded
from faults.second import Second, effects_of
from faults.tables import Tables

import processor.judge
from processor.judge import Message, Seat, judge
from processor.rules.game import compile_version
from processor.state import PartitionState
from processor.store import Store
from schemas.topics import DEFAULT_TENANT, EVENT_BYTES_MAX, Topics
from schemas.versions import Version

TOLD_MAX = 12

# The one version that a poisonous marker names and nobody publishes.
ABSENT = {(DEFAULT_TENANT, 999_999)}
# What parts of the system itself put on the events topic, apart from the events it forwards.
OF_SYSTEM = {"definitions", "due", "boost", "backfill", "backfilled"}
# By how much the clocks of this machine's processes may differ at all.
CLOCKS_APART = timedelta(seconds=1)
NOTHING: dict[str, Any] = {
    "definitions": 0,
    **effects_of({"outcome": "dead", "entries": []}),
}


class _Rows(Store):
    """A worker's store without a disk."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self._rows.get(key)

    def write(self, rows: Mapping[bytes, bytes], gone: Iterable[bytes] = ()) -> None:
        self._rows.update(rows)
        for key in gone:
            self._rows.pop(key, None)


class Judging:
    """All that follows from the two logs of one world."""

    def __init__(self, partitions: int, topics: Topics) -> None:
        """Begin before the first record."""
        self.partitions = partitions
        self.topics = topics
        # Every version that was ever put in force, by number.
        self.versions: dict[int, Version] = {}
        self.lines = [
            Line(number, partitions, self.versions, PartitionState(_Rows(), number))
            for number in range(partitions)
        ]
        self._compiled: dict[int, Any] = {}
        self.learn([founded()])
        self.second = Second(self.versions)
        self.tables = Tables()
        # Everything that was ever sent, by mark; and raw bytes that are no events.
        self.sent: dict[str, Event] = {}
        self.poison: set[bytes] = set()
        # Bytes of what was sent that is no metric event and no poison.
        self.asked: set[bytes] = set()
        # By how much any worker's clock was ahead so far.
        self.ahead = CLOCKS_APART
        # Mark -> ids under which its event stands on the events topic.
        self.copies: dict[str, set[str]] = defaultdict(set)
        # Id -> (user, metric, key, outcome) of the last record on it, forwarded ones aside.
        self.records: dict[str, tuple[Any, ...]] = {}
        # Use of a key, or fall of a due instant -> id of the event that it was applied by.
        self.used: dict[tuple[Any, ...], str] = {}
        self.origins: set[str] = set()
        # What happened to the streaks of a user, in order: frequency, change and length.
        self.streaks: dict[Who, list[tuple[str, str, int]]] = defaultdict(list)
        # Outcome -> inputs of the clock that came to it.
        self.dues: Counter[str] = Counter()
        # What was told of a boost: of a user, or of everyone (None), and by which change -> times.
        self.boosts: Counter[tuple[str | None, str, str]] = Counter()
        # What downstream must have been told: topic -> ids; and of webhooks.
        self.notices: dict[str, set[str]] = {topic: set() for topic in topics.notices}
        self.deliveries: set[str] = set()
        self.letters: set[str] = set()
        self.problems: list[str] = []
        # Records that the chain rule skips; those and replays together.
        self.skipped = 0
        self.dropped = 0
        self._balances = Balances()

    def tell(self, text: str) -> None:
        """Note a violation; only so many are kept, the first say most."""
        if len(self.problems) < TOLD_MAX:
            self.problems.append(text)

    def learn(self, versions: Iterable[Version]) -> None:
        """Take versions of the definitions that were read; known ones stay."""
        for version in versions:
            if version.tenant == DEFAULT_TENANT and version.version not in self.versions:
                self.versions[version.version] = version
                self._compiled[version.version] = compile_version(version)

    def _game(self, tenant: str, version: int) -> Any:
        return self._compiled.get(version) if tenant == DEFAULT_TENANT else None

    def begin_epoch(self, epoch: int) -> None:
        """The events topic has begun anew by an operator's word: every partition counts from 0."""
        for line in self.lines:
            line.epoch, line.due, line.events = epoch, 0, {}

    # The events topic

    def add_event(self, partition: int, raw: Raw) -> None:
        """Take one record of the events topic, and ask whether it may be there."""
        line = self.lines[partition]
        line.events[raw.offset] = raw
        headers = dict(raw.headers)
        if _origin(headers):
            return
        here = f"{line.epoch}-{partition}-{raw.offset}"
        told = _read(raw.value)
        if told is None or "mark" not in (told.get("attributes") or {}):
            value = raw.value or b""
            known = value in self.poison or value in self.asked
            if not known and (told or {}).get("type") not in OF_SYSTEM:
                self.tell(f"I1 {here} on the events topic was sent by nobody: {raw.value!r:.200}")
            return
        mark = told["attributes"]["mark"]
        event = self.sent.get(mark)
        if event is None or not _same(event, told):
            self.tell(f"I1 {here} on the events topic is not what was sent: {raw.value!r:.300}")
            return
        self.copies[mark].add(here)

    # The ledger

    def add_record(self, partition: int, offset: int, value: bytes) -> None:
        """Take one record of the ledger."""
        line = self.lines[partition]
        record: dict[str, Any] = json.loads(value)
        if record["after"] != line.last:
            self.skipped += 1
            self.dropped += 1
            return
        epoch, where, source = record["source"]
        line.last = [epoch, source, record["lane"]]
        if (epoch, where, source) != (line.epoch, partition, line.due):
            self.tell(
                f"I5 ledger {partition}/{offset}: source {record['source']}, "
                f"due was {[line.epoch, partition, line.due]}"
            )
        line.due = source + 1
        raw = line.events.pop(source, None)
        if raw is None:
            self.tell(f"I1 ledger {partition}/{offset}: no event at {record['source']}")
            return
        expected = self._judged(line, partition, raw)
        self._replay(line, partition, record, raw, value)
        self._compare(record, expected)
        self._check_clock(line, record)
        for text in self._balances.check(record, self.versions):
            self.tell(text)
        self._note(line, record)
        self._expect(record, raw)
        self.tables.add(partition, offset, record)

    def _replay(
        self, line: Line, partition: int, record: dict[str, Any], raw: Raw, value: bytes
    ) -> None:
        """I7: the judge makes the same bytes of the same event again."""
        seat = Seat(partition, self.partitions, line.epoch, record["lane"], self._game)
        # Of a worker of another version: these have the same rules under another number.
        processor.judge.RULES = record["rules"]  # type: ignore[attr-defined]  # where it is used
        judged = judge(seat, line.state, Message(*raw), ABSENT)
        if judged.raw != value:
            self.tell(f"I7 {record['id']}: recorded {value!r:.600}, again {judged.raw!r:.600}")

    def _compare(self, record: dict[str, Any], expected: dict[str, Any]) -> None:
        """I1 to I3: the second implementation says the same of the event."""
        found = {"id": record["id"], "definitions": record["definitions"], **effects_of(record)}
        wrong = [name for name, value in expected.items() if found[name] != value]
        if wrong:
            differ = [f"{name} {expected[name]}, found {found[name]}" for name in wrong]
            self.tell(f"I3 {record['id']} of {record['user']}: expected {'; '.join(differ)}")
        if record["outcome"] == "forwarded":
            return
        told = record["input"] or {}
        metric = f":{told['type']}" if "type" in told else told.get("metric")
        known = self.records.get(record["id"])
        if known is not None and "applied" in (known[3], record["outcome"]):
            if known[3] == record["outcome"]:
                self.tell(f"I1 {record['id']} was applied twice")
            elif record["outcome"] == "replayed":
                return
        self.records[record["id"]] = (
            record["user"],
            metric,
            record.get("key"),
            record["outcome"],
        )
        if record["outcome"] == "applied" and "key" in record:
            use = (record["tenant"], record["user"], metric, record["key"])
            if use in self.used:
                self.tell(f"I2 {use} was applied by {self.used[use]} and by {record['id']}")
            self.used[use] = record["id"]

    def _judged(self, line: Line, partition: int, raw: Raw) -> dict[str, Any]:
        """What must come of an event, by the second implementation."""
        headers = dict(raw.headers)
        here = f"{line.epoch}-{partition}-{raw.offset}"
        origin = _origin(headers)
        expected: dict[str, Any] = {"id": origin or here, **NOTHING}
        told = _read(raw.value)
        if (
            told is None
            or len(raw.value or b"") > EVENT_BYTES_MAX
            or (raw.value or b"") in self.poison
        ):
            return expected
        expected["definitions"] = line.version
        kind = told.get("type", "metric")
        if kind in OF_PARTITION:
            return expected | line.of_partition(told)
        user = told["user"] if isinstance(told["user"], str) else told["user"]["id"]
        if partition_of(user, self.partitions) != partition:
            return expected | {"outcome": "forwarded"}
        millis = int(headers["xp-time"]) if origin else raw.timestamp
        appended = datetime.fromtimestamp(millis / 1000, UTC)
        if origin and origin in self.origins:
            again = self.second.again(partition, line.version, told, appended)
            return expected | {"outcome": again}
        if origin:
            self.origins.add(origin)
        return self._of_user(line, partition, told, appended, expected)

    def _of_user(
        self,
        line: Line,
        partition: int,
        told: dict[str, Any],
        appended: datetime,
        expected: dict[str, Any],
    ) -> dict[str, Any]:
        """What must come of an input of a user, judged where it belongs and for the first time."""
        if told.get("type") == "due":
            if stale := line.stale(told, appended):
                return expected | {"outcome": stale}
            who = (told.get("tenant", DEFAULT_TENANT), told["user"])
            due = line.dues[who] or ""
            # It may be a later one that was told before: what matters is the first.
            if missed := self.second.unforeseen(partition, who, instant(due)):
                self.tell(f"I13 {who}: before {due} there was {missed}")
        effects = self.second.play(partition, line.version, told, appended)
        if effects is None:
            # Too much is known of the user to ask: what was recorded is checked by I6 and I7 alone.
            return {name: expected[name] for name in ("id", "definitions")}
        return expected | effects

    def _check_clock(self, line: Line, record: dict[str, Any]) -> None:
        """I13: what the clock says has fallen due, has, and each instant counts once."""
        told = record["input"] or {}
        if told.get("type") != "due" or record["outcome"] == "forwarded":
            return
        self.dues[record["outcome"]] += 1
        who = (record["tenant"], record["user"])
        if told["at"] not in line.dues_ever[who]:
            self.tell(f"I13 {record['id']}: nothing of {who} ever fell due at {told['at']}")
        if instant(told["at"]) > instant(record["appended"]) + self.ahead:
            self.tell(f"I13 {record['id']}: {who} was due at {told['at']} before it was time")
        if record["outcome"] != "applied":
            return
        use = (*who, "due", told["at"])
        if use in self.used:
            self.tell(f"I13 {use} was applied by {self.used[use]} and by {record['id']}")
        self.used[use] = record["id"]

    def _note(self, line: Line, record: dict[str, Any]) -> None:
        """Remember what later records are checked by."""
        if record["outcome"] != "applied":
            return
        line.note(record)
        who = (record["tenant"], record["user"])
        for entry in record["entries"]:
            if entry["kind"] == "streak":
                told = (entry["frequency"], entry["change"], entry["length"])
                self.streaks[who].append(told)
            if entry["kind"] == "boost":
                path = f"{entry['system']}/{entry['boost']}"
                self.boosts[record["user"], path, entry["change"]] += 1

    def pending(self, now: datetime) -> str:
        """Say what time or new definitions have asked for and nobody judged yet; empty: nothing."""
        return "; ".join(text for line in self.lines for text in line.pending(now))

    def _expect(self, record: dict[str, Any], raw: Raw) -> None:
        """Note what everything behind the ledger has to tell of this record."""
        outcome = record["outcome"]
        if outcome == "replayed":
            self.dropped += 1
        by_clock = (record["input"] or {}).get("type") == "due"
        asked = by_clock or dict(raw.headers).get("xp-origin") == b"http"
        if outcome == "dead" or (outcome == "refused" and not asked):
            self.letters.add(record["id"])
        if outcome != "applied" or record["user"] is None:
            return
        of_kind = {
            "points": self.topics.points_awarded,
            "level": self.topics.level_changed,
            "achievement": self.topics.achievement_completed,
            "streak": self.topics.streak_changed,
            "freezes": self.topics.streak_changed,
        }
        for index, entry in enumerate(record["entries"]):
            # That a time zone or a pause has kept a streak is nothing that one got or lost.
            kept = entry["kind"] == "streak" and entry["change"] in ("carried", "paused")
            if entry["kind"] in of_kind and not entry.get("quiet") and not kept:
                effect = f"{record['id']}:{index}"
                self.notices[of_kind[entry["kind"]]].add(effect)
                if entry["kind"] == "level":
                    self.deliveries.add(effect)

    # What was sent

    def check_ends(self, ends: Mapping[int, int]) -> None:
        """I1 and I5: every position of the events up to the ends has its admitted record."""
        for partition, line in enumerate(self.lines):
            if line.due != ends[partition] or line.events:
                self.tell(
                    f"I1 partition {partition}: events up to {ends[partition]}, records up to "
                    f"{line.due}, without one {sorted(line.events)[:3]}"
                )

    def check_sent(self, events: list[Event]) -> None:
        """I1: of every event that was sent, what was promised is there, and nothing more."""
        for event in events:
            if event.raw is not None:
                self._check_raw(event)
                continue
            copies = self.copies.get(event.mark, set())
            if not event.acknowledged <= copies:
                self.tell(f"I1 {event.mark}: {event.acknowledged - copies} acknowledged, not there")
            if len(copies) > event.attempts:
                self.tell(f"I1 {event.mark} was sent {event.attempts} times, is there as {copies}")
            for status, given, replayed, pending in event.answers:
                self._check_answer(event, status, given, replayed=replayed, pending=pending)
            for status, message in event.refusals:
                if 400 <= status < 500 and not event.may_fail:
                    self.tell(f"I1 {event.mark}: a good event was answered {status} {message}")

    def _check_raw(self, event: Event) -> None:
        for given in event.acknowledged:
            found = self.records.get(given)
            if found is None or found[3] != event.outcome:
                self.tell(f"I1 {given}: {event.raw!r:.80} became {found}, not {event.outcome}")

    def _check_answer(
        self, event: Event, status: int, given: str, *, replayed: bool, pending: bool
    ) -> None:
        found = self.records.get(given)
        if found is None:
            self.tell(f"I1 {event.mark}: answered {status} with {given}, of which no record is")
            return
        if found[:3] != (event.user, event.metric, event.key):
            self.tell(f"I1 {event.mark}: answered with {given}, which is {found}")
        if pending:
            return
        if (status == 202) != replayed or found[3] != "applied":
            self.tell(f"I1 {event.mark}: {status}, replayed {replayed}, but {given} is {found}")
        if not replayed and given not in self.copies[event.mark]:
            self.tell(f"I1 {event.mark}: {given} is not among its copies")


def _read(value: bytes | None) -> dict[str, Any] | None:
    try:
        told = json.loads(value or b"", parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _origin(headers: dict[str, bytes]) -> str:
    """Return where a forwarded event was first found; empty for all others."""
    origin = headers.get("xp-forwarded", b"").decode("ascii", "replace")
    return origin if re.fullmatch(r"\d+-\d+-\d+", origin) else ""


def _same(event: Event, told: dict[str, Any]) -> bool:
    """Whether what stands on the topic is the event that was sent."""
    sent = json.loads(event.record(), parse_float=Decimal, parse_int=Decimal)
    return {"tenant": "default", **told} == {"tenant": "default", **sent}
