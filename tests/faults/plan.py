"""What a round sends: drawn from dice alone, so that the same seed draws the same plan again.

Nothing is sent from here, and nothing depends on how the sending of an earlier event went.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any, Literal

from schemas.definitions import Definitions
from schemas.topics import DEFAULT_TENANT
from schemas.versions import Version, succeed

Channel = Literal["kafka", "http"]

METRICS = ("commits", "lines", "reviews")
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Apia", "Australia/Lord_Howe")

# The system of a time trigger that no class may change, and its interval.
AGE, AGE_DAYS = "age", 5
# When the first version came into force: before all that any plan tells of.
FOUNDED = datetime(2010, 1, 1, tzinfo=UTC)

GAME: dict[str, Any] = {
    "settings": {"weekStart": "monday", "defaultTimeZone": "UTC"},
    "metrics": [{"key": key, "name": key} for key in METRICS],
    "attributes": [
        {"type": "event", "key": "kind", "name": "kind"},
        # Every event of a plan bears a mark, by which it is known again wherever it turns up.
        {"type": "event", "key": "mark", "name": "mark"},
        {"type": "user", "key": "team", "name": "team"},
    ],
    "streak": {
        "frequency": "daily",
        "evaluationMode": "OR",
        "metrics": [{"metric": "commits", "threshold": 1}, {"metric": "lines", "threshold": 10}],
        "initialFreezes": 1,
        "maxFreezes": 2,
        "freezeAutoEarnInterval": 6,
        "freezeAutoEarnAmount": 1,
    },
    "achievements": [
        {
            "key": "first",
            "name": "first",
            "trigger": "metric",
            "metric": "commits",
            "metricValue": 1,
        },
        {"key": "ten", "name": "ten", "trigger": "metric", "metric": "commits", "metricValue": 10},
        {
            "key": "fixer",
            "name": "fixer",
            "trigger": "metric",
            "metric": "commits",
            "metricValue": 4,
            "eventAttributes": {"kind": "fix"},
        },
        {"key": "prose", "name": "prose", "trigger": "metric", "metric": "lines", "metricValue": 9},
        {"key": "two-days", "name": "two days", "trigger": "streak", "streakLength": 2},
        {
            "key": "red-reviews",
            "name": "reviews of the reds",
            "trigger": "metric",
            "metric": "reviews",
            "metricValue": 3,
            "userAttributes": {"team": "red"},
        },
    ],
    "points": [
        {
            "key": "xp",
            "name": "XP",
            "triggers": [
                {"key": "welcome", "type": "user_creation", "points": 3},
                {
                    "key": "commit",
                    "type": "metric",
                    "metric": "commits",
                    "metricThreshold": 1,
                    "points": 10,
                },
                {
                    "key": "fix",
                    "type": "metric",
                    "metric": "commits",
                    "metricThreshold": 2,
                    "points": 5,
                    "eventAttributes": {"kind": "fix"},
                },
                {
                    "key": "review",
                    "type": "metric",
                    "metric": "reviews",
                    "metricThreshold": 2,
                    "points": -7,
                },
                {"key": "days", "type": "streak", "streakLength": 2, "points": 15},
                {"key": "tenth", "type": "achievement", "achievement": "ten", "points": 40},
            ],
            "levels": [
                {"key": f"l{least}", "name": f"From {least}", "points": least}
                for least in (0, 10, 25, 50, 100, 200, 400)
            ],
            "boosts": [
                {
                    "key": "reds",
                    "name": "The reds",
                    "start": "2020-01-01",
                    "multiplier": 1.5,
                    "rounding": "nearest",
                    "userAttributes": {"team": "red"},
                }
            ],
        },
        {
            "key": "energy",
            "name": "Energy",
            "maxPoints": 30,
            "triggers": [
                {"key": "start", "type": "user_creation", "points": 20},
                {
                    "key": "cost",
                    "type": "metric",
                    "metric": "commits",
                    "metricThreshold": 1,
                    "points": -4,
                },
                {
                    "key": "rest",
                    "type": "metric",
                    "metric": "lines",
                    "metricThreshold": 5,
                    "points": 9,
                },
            ],
        },
        # Nothing but time awards them: a balance says how often a trigger fell due.
        {
            "key": AGE,
            "name": "Age",
            "triggers": [
                {
                    "key": "days",
                    "type": "time",
                    "timeUnit": "days",
                    "timeInterval": AGE_DAYS,
                    "points": 1,
                }
            ],
        },
    ],
}

VALUES = (1, 1, 1, 1, 2, 3, 0, 0.1, 0.25, 2.5, 7, 12, -1, -0.5)
# Raw bytes that are no event, and what must come of them.
POISON = (
    b"not json",
    b"",
    b"\xff\xfe\x00broken",
    b"null",
    b"[]",
    b'{"user": "", "metric": "commits"}',
    b'{"user": "p", "metric": "commits", "value": NaN}',
    b'{"user": "p", "metric": "commits", "value": "1"}',
    b'{"user": "p", "metric": "commits", "value": 1e40}',
    b'{"user": "p", "metric": "commits", "value": true}',
    b'{"user": "p", "metric": "commits", "unheard": 1}',
    b'{"user": {"id": "p", "tz": "Mars/Olympus"}, "metric": "commits"}',
    b'{"type": "definitions", "version": -1}',
)
GIANT_BYTES = 70_000
FRESH_USERS = 12


@dataclass
class Event:
    """One event to be sent, and what is known of its sending; or raw bytes in its place."""

    mark: str
    channel: Channel
    user: str
    metric: str = "commits"
    value: float = 1
    attributes: dict[str, str] = field(default_factory=dict)
    tz: str | None = None
    team: str | None = None
    occurred: str | None = None
    key: str | None = None
    # How far from its right partition it is put (Kafka only).
    astray: int = 0
    # Bytes to be sent as they are, and what is to come of them.
    raw: bytes | None = None
    outcome: str = "dead"
    # The partition it is put on, whoever it is of (Kafka only).
    partition: int | None = None
    # Whether it may be refused: it is from the future, or what it is of may be archived.
    may_fail: bool = False
    # No value at all (`raw` is then b""); another record key than the user's; headers (Kafka only).
    tombstone: bool = False
    wire_key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    # Bytes to which the record is filled up, with spaces.
    size: int = 0

    # What became of it: how often it was handed over, and the ids that were given back for it.
    attempts: int = 0
    # Acknowledged by the broker: event ids by position.
    acknowledged: set[str] = field(default_factory=set)
    # Answered with 2xx: status, event id, whether it was called a replay, whether pending.
    answers: list[tuple[int, str, bool, bool]] = field(default_factory=list)
    refusals: list[tuple[int, str]] = field(default_factory=list)

    @property
    def who(self) -> dict[str, Any]:
        """The user as an event names them."""
        told: dict[str, Any] = {"id": self.user}
        if self.tz is not None:
            told["tz"] = self.tz
        if self.team is not None:
            told["attributes"] = {"team": self.team or None}
        return told

    def body(self) -> dict[str, Any]:
        """The body of a POST."""
        told: dict[str, Any] = {
            "user": self.who,
            "value": self.value,
            "attributes": {**self.attributes, "mark": self.mark},
        }
        if self.occurred is not None:
            told["occurredAt"] = self.occurred
        return told

    def record(self) -> bytes:
        """The value of a record on the events topic."""
        if self.raw is not None:
            return self.raw
        told = {"metric": self.metric, **self.body()}
        if self.key is not None:
            told["idempotencyKey"] = self.key
        return json.dumps(told).encode().ljust(self.size)


def founded() -> Version:
    """Return the definitions of all plans as the first version, in force since long ago."""
    return succeed(None, Definitions.model_validate(GAME), DEFAULT_TENANT, FOUNDED)


def draw_seed(seed: str, fault: str, number: int) -> str:
    """Return the seed of one round; `number` counts from 1."""
    return f"{seed}/{fault}/{number}"


@lru_cache(maxsize=64)
def _drawn(seed: str, fault: str, number: int, count: int, http: float) -> tuple[Event, ...]:
    dice = Random(f"{draw_seed(seed, fault, number)}/plan")
    fresh = [f"{fault}.{number}.{index}" for index in range(FRESH_USERS)]
    fresh[-1] = f"zoë/{number} %?&"
    old = [user for before in range(max(1, number - 8), number) for user in _users(fault, before)]
    keyed: list[Event] = []
    if number > 1:
        before = _drawn(seed, fault, dice.randrange(1, number), count, http)
        keyed = [event for event in before if event.key is not None and event.raw is None]
    events: list[Event] = []
    for index in range(count):
        mark = f"{fault}.{number}.{index}"
        channel: Channel = "http" if dice.random() < http else "kafka"
        roll = dice.random()
        if roll < 0.03:
            event = _poison(dice, mark)
        elif roll < 0.15 and keyed:
            event = _again(dice, mark, channel, dice.choice(keyed))
        else:
            user = dice.choice(old) if old and dice.random() < 0.3 else dice.choice(fresh)
            event = _ordinary(dice, mark, channel, user)
        if event.raw is None and event.key is not None:
            keyed.append(event)
        events.append(event)
    return tuple(events)


def _users(fault: str, number: int) -> list[str]:
    return [f"{fault}.{number}.{index}" for index in range(FRESH_USERS - 1)]


def _poison(dice: Random, mark: str) -> Event:
    if dice.random() < 0.1:
        raw = json.dumps({"user": "g" * GIANT_BYTES, "metric": "commits"}).encode()
    else:
        raw = dice.choice(POISON)
    return Event(mark, "kafka", dice.choice("pqrstuvw"), raw=raw)


def _again(dice: Random, mark: str, channel: Channel, known: Event) -> Event:
    """The same key once more: on the same metric a replay, on another one an event of its own."""
    metric = dice.choice(METRICS) if dice.random() < 0.2 else known.metric
    value = known.value if dice.random() < 0.7 else dice.choice(VALUES)
    return Event(mark, channel, known.user, metric, value, key=known.key)


def _ordinary(dice: Random, mark: str, channel: Channel, user: str) -> Event:
    event = Event(mark, channel, user)
    event.metric = dice.choice((*METRICS, "commits"))
    event.value = dice.choice(VALUES)
    if dice.random() < 0.3:
        event.attributes = {"kind": dice.choice(("fix", "docs"))}
    if dice.random() < 0.05:
        event.tz = dice.choice(ZONES)
    if dice.random() < 0.1:
        event.team = dice.choice(("red", "blue", ""))
    if dice.random() < 0.4:
        # Relative to a day of the plan's own: told apart from the run only by the calendar.
        event.occurred = f"-{dice.randrange(0, 20 * 24 * 60)}"
    if dice.random() < (0.9 if channel == "http" else 0.6):
        event.key = f"k{mark}"
    if channel == "kafka" and dice.random() < 0.02:
        event.astray = dice.randrange(1, 4)
    return event


def draw(seed: str, fault: str, number: int, count: int, http: float) -> list[Event]:
    """Draw the events of a round, fresh and unsent."""
    now = datetime.now(UTC)
    drawn = []
    for event in _drawn(seed, fault, number, count, http):
        occurred = None
        if event.occurred is not None:
            at = now - timedelta(minutes=-int(event.occurred))
            occurred = at.isoformat(timespec="milliseconds")
        drawn.append(
            Event(
                event.mark,
                event.channel,
                event.user,
                event.metric,
                event.value,
                dict(event.attributes),
                event.tz,
                event.team,
                occurred,
                event.key,
                event.astray,
                event.raw,
            )
        )
    return drawn
