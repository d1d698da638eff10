"""What a round sends: drawn from dice alone, so that the same seed draws the same plan again.

Nothing is sent from here, and nothing depends on how the sending of an earlier event went.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random

from faults.event import Channel, Event
from faults.game import METRICS

ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Apia", "Australia/Lord_Howe")
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
