"""Follows one world's logs record by record, beside a second implementation of the rules.

What comes in is what the broker holds: the events topic and the ledger. What comes out are the
texts of violations, and the sets of ids that everything behind the ledger must agree with.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from faults.load import partition_of
from faults.plan import GAME, Event
from faults.tables import Tables
from reference.checking import RefusedError, check
from reference.game import Game

import processor.judge
from processor.judge import Message, Seat, judge
from processor.rules.game import compile_game
from processor.state import PartitionState
from processor.store import Store
from schemas.definitions import Definitions
from schemas.topics import EVENT_BYTES_MAX, Topics

FREQUENCIES = ("daily", "weekly", "monthly")
TOLD_MAX = 12

# The one version that a poisonous marker names and nobody publishes.
ABSENT = {("default", 99)}


class Raw(NamedTuple):
    """A record as the broker holds it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


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


@dataclass
class Line:
    """One partition: its events that have no record yet, and the state of its ledger."""

    state: PartitionState
    events: dict[int, Raw] = field(default_factory=dict)
    epoch: int = 0
    due: int = 0
    last: list[Any] | None = None


class Judging:
    """All that follows from the two logs of one world."""

    def __init__(self, partitions: int, topics: Topics) -> None:
        """Begin before the first record."""
        self.partitions = partitions
        self.topics = topics
        self.lines = [Line(PartitionState(_Rows(), number)) for number in range(partitions)]
        self.game = Game(json.loads(json.dumps(GAME), parse_float=Decimal, parse_int=Decimal))
        compiled = compile_game(Definitions.model_validate(GAME), 1)
        self._compiled = lambda _tenant, version: compiled if version == 1 else None
        self.tables = Tables()
        # Everything that was ever sent, by mark; and raw bytes that are no events.
        self.sent: dict[str, Event] = {}
        self.poison: set[bytes] = set()
        # Mark -> ids under which its event stands on the events topic.
        self.copies: dict[str, set[str]] = defaultdict(set)
        # Id -> (user, metric, key, outcome) of the last record on it, forwarded ones aside.
        self.records: dict[str, tuple[Any, ...]] = {}
        # Id of an event -> how many records were made of it, forwarded ones aside.
        self.used: dict[tuple[Any, ...], str] = {}
        self.origins: set[str] = set()
        # What downstream must have been told: topic -> ids; and of webhooks.
        self.notices: dict[str, set[str]] = {topic: set() for topic in topics.notices}
        self.deliveries: set[str] = set()
        self.letters: set[str] = set()
        self.problems: list[str] = []
        # Records that the chain rule skips; those and replays together.
        self.skipped = 0
        self.dropped = 0
        self._balances: dict[tuple[Any, ...], int] = {}
        self._levels: dict[tuple[Any, ...], str | None] = {}

    def tell(self, text: str) -> None:
        """Note a violation; only so many are kept, the first say most."""
        if len(self.problems) < TOLD_MAX:
            self.problems.append(text)

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
            if (raw.value or b"") not in self.poison and (told or {}).get("type") != "definitions":
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
        self._replay(line, partition, record, raw, value)
        self._compare(partition, record, raw)
        self._conserve(record)
        self._expect(record, raw)
        self.tables.add(partition, offset, record)

    def _replay(
        self, line: Line, partition: int, record: dict[str, Any], raw: Raw, value: bytes
    ) -> None:
        """I7: the judge makes the same bytes of the same event again."""
        seat = Seat(partition, self.partitions, line.epoch, record["lane"], self._compiled)
        # Of a worker of another version: these have the same rules under another number.
        processor.judge.RULES = record["rules"]  # type: ignore[attr-defined]  # where it is used
        judged = judge(seat, line.state, Message(*raw), ABSENT)
        if judged.raw != value:
            self.tell(f"I7 {record['id']}: recorded {value!r:.600}, again {judged.raw!r:.600}")

    def _compare(self, partition: int, record: dict[str, Any], raw: Raw) -> None:
        """I1 to I3: the second implementation says the same of the event."""
        expected = self._judged(partition, raw)
        found = {
            "id": record["id"],
            "outcome": record["outcome"],
            "achievements": _listed(record, "achievement", "achievement"),
            "awards": _listed(record, "points", "system", "trigger", "awarded", "total"),
            "levels": _listed(record, "level", "system", "before", "after"),
        }
        if found != expected:
            self.tell(f"I3 {record['id']}: expected {expected}, found {found}")
        if record["outcome"] == "forwarded":
            return
        metric = (record["input"] or {}).get("metric")
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

    def _judged(self, partition: int, raw: Raw) -> dict[str, Any]:
        """What must come of an event, by the second implementation."""
        line, headers = self.lines[partition], dict(raw.headers)
        here = f"{line.epoch}-{partition}-{raw.offset}"
        origin = _origin(headers)
        expected: dict[str, Any] = {
            "id": origin or here,
            "outcome": "dead",
            "achievements": [],
            "awards": [],
            "levels": [],
        }
        told = _read(raw.value)
        if (
            told is None
            or len(raw.value or b"") > EVENT_BYTES_MAX
            or (raw.value or b"") in self.poison
        ):
            return expected
        if told.get("type") == "definitions":
            known = line.state.versions.get("default", 0)
            # The replay has just put it in force: the first marker is the one at the very start.
            expected["outcome"] = "applied" if raw.offset == 0 and known else "replayed"
            return expected
        user = told["user"] if isinstance(told["user"], str) else told["user"]["id"]
        if partition_of(user, self.partitions) != partition:
            return expected | {"outcome": "forwarded"}
        millis = int(headers["xp-time"]) if origin else raw.timestamp
        appended = datetime.fromtimestamp(millis / 1000, UTC)
        if origin and origin in self.origins:
            try:
                check(told, appended, self.game.definitions)
            except RefusedError:
                return expected | {"outcome": "refused"}
            return expected | {"outcome": "replayed"}
        if origin:
            self.origins.add(origin)
        outcome = self.game.play(told, appended)
        return {
            "id": origin or here,
            "outcome": outcome.status,
            "achievements": [(key,) for key in outcome.achievements],
            "awards": [tuple(award) for award in outcome.awards],
            "levels": [tuple(change) for change in outcome.levels],
        }

    def _conserve(self, record: dict[str, Any]) -> None:
        """I6: points add up, caps hold and levels match, after this very record."""
        moved = set()
        for entry in record["entries"]:
            if entry["kind"] == "points":
                system = (record["tenant"], record["user"], entry["system"])
                balance = self._balances.get(system, 0) + entry["awarded"]
                if balance != entry["total"]:
                    self.tell(f"I6 {record['id']}: {system} has {balance}, not {entry['total']}")
                self._balances[system] = entry["total"]
                moved.add(system)
            if entry["kind"] == "level":
                system = (record["tenant"], record["user"], entry["system"])
                if self._levels.get(system) != entry["before"]:
                    self.tell(f"I6 {record['id']}: {system} was not at {entry['before']}")
                self._levels[system] = entry["after"]
        for system in moved:
            rules = next(it for it in GAME["points"] if it["key"] == system[2])
            balance = self._balances[system]
            if not 0 <= balance <= rules.get("maxPoints", balance):
                self.tell(f"I6 {record['id']}: {system} has {balance} points")
            reached = [it for it in rules.get("levels", []) if it["points"] <= balance]
            level = max(reached, key=lambda it: it["points"])["key"] if reached else None
            if self._levels.get(system) != level:
                self.tell(f"I6 {record['id']}: {system} with {balance} points is not at {level}")

    def _expect(self, record: dict[str, Any], raw: Raw) -> None:
        """Note what everything behind the ledger has to tell of this record."""
        outcome = record["outcome"]
        if outcome == "replayed":
            self.dropped += 1
        if outcome == "dead" or (
            outcome == "refused" and dict(raw.headers).get("xp-origin") != b"http"
        ):
            self.letters.add(record["id"])
        if outcome != "applied" or record["user"] is None:
            return
        of_kind = {
            "points": self.topics.points_awarded,
            "level": self.topics.level_changed,
            "achievement": self.topics.achievement_completed,
            "streak": self.topics.streak_changed,
        }
        for index, entry in enumerate(record["entries"]):
            if entry["kind"] in of_kind and not entry.get("quiet"):
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
                if 400 <= status < 500:
                    self.tell(f"I1 {event.mark}: a good event was answered {status} {message}")

    def _check_raw(self, event: Event) -> None:
        for given in event.acknowledged:
            found = self.records.get(given)
            if found is None or found[3] != "dead":
                self.tell(f"I1 {given}: poison {event.raw!r:.80} became {found}")

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


def _listed(record: dict[str, Any], kind: str, *names: str) -> list[tuple[Any, ...]]:
    return [
        tuple(entry[name] for name in names) for entry in record["entries"] if entry["kind"] == kind
    ]


def plain_users(game: Game) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return what the second implementation knows of each user."""
    return {
        who: {
            "totals": dict(known.totals),
            "streaks": {
                frequency: (streak.length, streak.longest)
                for frequency, streak in known.streaks.items()
                if streak.longest
            },
            "achievements": dict(known.achievements),
            "points": dict(known.points),
            "levels": {key: level for key, level in known.levels.items() if level is not None},
            "awards": [tuple(award) for award in known.awards],
        }
        for who, known in game.users.items()
    }
