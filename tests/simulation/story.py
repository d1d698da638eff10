"""What happens in one schedule before anything goes wrong: a small game, and who sends it what.

The game has what can be counted twice or lost: totals, a filter, streaks, a cap, levels and
achievements; and what is refused half-way. Its second version changes the points; the second build
of the rules doubles them. Users do something, operators give, take and correct, imports ask the
clock to wait. What the clock itself says is no part of the story: the real one runs beside each
lane.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, Final, NamedTuple

from aiokafka.partitioner import murmur2

from processor.rules.compiling import compile_definitions
from processor.rules.ruleset import Ruleset
from schemas.codec import write_input
from schemas.definitions import Definitions
from schemas.inputs.base import DEFAULT_TENANT

START: Final = datetime(2026, 3, 2, 8, tzinfo=UTC)
# An hour of the log's calendar passes in a second of the simulation, so that days go by.
CALENDAR: Final = 3600
USERS: Final = ("ada", "bob", "eve", "kim", "max")
METRICS: Final = ("commits", "commits", "commits", "reviews")
VALUES: Final = (1, 1, 1, 2, 3, 0.5, -1)
LATE_MINUTES: Final = (0, 30, 90, 24 * 60, -4, -6)
VERSIONS: Final = (1, 2)
BUILDS: Final = (1, 2)
# Few events, so that one of them is corrected again.
CORRECTED: Final = 4
GIVEN: Final = (-30, -3, 2, 25)
OTHER: Final = "acme"


@cache
def definitions(version: int, build: int) -> Definitions:
    """Return the game of a version, as a build of the rules understands it."""
    second = version == VERSIONS[1]
    per_bug = {"type": "metric", "metric": "commits", "eventAttributes": {"kind": "bug"}}
    per_review = {"type": "metric", "metric": "reviews"}
    triggers: list[dict[str, Any]] = [
        {"key": "welcome", "type": "user_creation", "points": 1},
        {"key": "pairs", "type": "metric", "metric": "commits", "metricThreshold": 2, "points": 3},
        {"key": "bugs", **per_bug, "metricThreshold": 1, "points": 5 if second else 2},
        {"key": "days", "type": "streak", "streakLength": 2, "points": 4},
        {"key": "ten", "type": "achievement", "achievement": "ten", "points": 10},
        {**per_review, "key": "read", "metricThreshold": 1, "points": -2},
    ]
    # Whoever has not enough of it is refused, when much of the event has been judged. Points that
    # are the same by all builds: a letter that one has sent stays, though another appends.
    caring: list[dict[str, Any]] = [
        {"key": "earned", "type": "metric", "metric": "commits", "metricThreshold": 1, "points": 1},
        {**per_review, "key": "toll", "metricThreshold": 1, "points": -1},
    ]
    caring[1]["blockIfOutOfPoints"] = True
    if second:
        triggers.append({**per_bug, "key": "docs", "eventAttributes": {"kind": "docs"}})
        triggers[-1] |= {"metricThreshold": 1, "points": 7}
    for trigger in triggers:
        trigger["points"] *= build
    levels = {"low": 5, "high": 30 if second else 20}
    counted = {"trigger": "metric", "metric": "commits"}
    bugs = {"eventAttributes": {"kind": "bug"}, "metricValue": 2}
    return Definitions.model_validate(
        {
            "metrics": [{"key": key, "name": key} for key in ("commits", "reviews")],
            "attributes": [{"type": "event", "key": "kind", "name": "kind"}],
            "streak": {"metrics": [{"metric": "commits", "threshold": 1}]},
            "achievements": [
                {"key": "ten", "name": "ten", **counted, "metricValue": 6},
                {"key": "bugs", "name": "bugs", **counted, **bugs},
                {"key": "days", "name": "days", "trigger": "streak", "streakLength": 2},
            ],
            "points": [
                {
                    "key": "xp",
                    "name": "xp",
                    "maxPoints": 60 if second else 40,
                    "triggers": triggers,
                    "levels": [{"key": it, "name": it, "points": at} for it, at in levels.items()],
                },
                {"key": "care", "name": "care", "maxPoints": 20, "triggers": caring},
            ],
        }
    )


@cache
def compiled(version: int, build: int) -> Ruleset:
    """Return the game as the judge wants it."""
    return compile_definitions(definitions(version, build), version)


class Sent(NamedTuple):
    """Something that is put onto the events topic."""

    at: float  # seconds
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Story:
    """All that is sent in one schedule."""

    partitions: int
    sent: list[Sent] = field(default_factory=list)
    # What no reader of events can read.
    poison: set[bytes | None] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)


def right_partition(tenant: str, user: str, partitions: int) -> int:
    """Return where Kafka's own clients put a user's events."""
    key = user if tenant == DEFAULT_TENANT else f"{tenant}/{user}"
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


def millis(at: float) -> int:
    """Return the append time of what is sent so many seconds after the beginning."""
    return round((START + timedelta(seconds=at * CALENDAR)).timestamp() * 1000)


def marker(partition: int, version: int, at: float) -> Sent:
    """Return the marker that puts a version in force."""
    value = write_input({"type": "definitions", "version": version})
    return Sent(at, partition, DEFAULT_TENANT.encode(), value)


def tell(dice: Random, *, events: int, length: float, systems: Sequence[str]) -> Story:
    """Draw a story of so many events within so many seconds, in the order of its times.

    `systems`: of which points operators give and take.
    """
    story = Story(partitions=dice.choice((1, 2, 2, 3)))
    names = ("repeated", "misrouted", "poison", "refused", "adjusted", "corrected", "held")
    counts = story.counts = dict.fromkeys(names, 0)
    switch = dice.uniform(0.2, 0.8) * length
    for partition in range(story.partitions):
        for at in (0.0, *((0.1,) if dice.random() < 0.2 else ())):
            story.sent.append(marker(partition, 1, at))
        story.sent.append(marker(partition, 2, switch + dice.random()))
    # Events come in crowds, so that lanes have batches of more than one.
    crowds = [dice.uniform(0.05, 1) * length for _ in range(dice.choice((2, 5, 12)))]
    for _ in range(events):
        at = dice.choice(crowds) + dice.random() * 0.3
        if dice.random() < 0.06:
            counts["poison"] += 1
            story.sent.append(_poison(dice, story, at))
            continue
        if dice.random() < 0.12:
            event = _by_operator(dice, at, counts, systems)
        else:
            event = _event(dice, at, counts)
        story.sent.append(_put(dice, story, event, at))
        if "idempotencyKey" in event:
            while dice.random() < 0.4:
                # A client that had no answer tries again, soon or long after.
                counts["repeated"] += 1
                again = at + length * dice.random() ** 3
                story.sent.append(_put(dice, story, event, again))
    _hold(dice, story, length)
    story.sent.sort(key=lambda it: it.at)
    return story


def _event(dice: Random, at: float, counts: dict[str, int]) -> dict[str, Any]:
    user: dict[str, Any] = {"id": dice.choice(USERS)}
    if dice.random() < 0.05:
        user["name"] = "Ada"
    if dice.random() < 0.05:
        user["tz"] = dice.choice(("Asia/Tokyo", "America/Los_Angeles"))
    event: dict[str, Any] = {"user": user, "metric": dice.choice(METRICS)}
    if dice.random() < 0.8:
        event["value"] = dice.choice(VALUES)
    if dice.random() < 0.4:
        event["attributes"] = {"kind": dice.choice(("bug", "docs"))}
    if dice.random() < 0.5:
        # Out of few, so that a key is used twice by events that are not the same, too.
        event["idempotencyKey"] = f"k{dice.randrange(12)}"
    if dice.random() < 0.2:
        happened = at * CALENDAR - 60 * dice.choice(LATE_MINUTES)
        event["occurredAt"] = (START + timedelta(seconds=happened)).isoformat()
    if dice.random() < 0.05:
        counts["refused"] += 1
        event["metric"] = "unknown"
    if dice.random() < 0.02:
        event["tenant"] = OTHER
    return event


def _by_operator(
    dice: Random, at: float, counts: dict[str, int], systems: Sequence[str]
) -> dict[str, Any]:
    given: dict[str, Any] = {"user": dice.choice(USERS), "reason": "because"}
    if dice.random() < 0.5:
        counts["adjusted"] += 1
        system, points = dice.choice(systems), dice.choice(GIVEN)
        given |= {"type": "adjustment", "system": system, "points": points}
    else:
        counts["corrected"] += 1
        # Nobody looks whether there is such an event: the same one always came with the same.
        number = dice.randrange(CORRECTED)
        happened = at * CALENDAR - 60 * dice.choice(LATE_MINUTES[:4])
        given |= {"type": "correction", "event": f"0-0-{number}", "metric": "commits"}
        given |= {"was": number, "attributes": {"kind": "bug"} if number % 2 else {}}
        given["at"] = (START + timedelta(seconds=happened)).isoformat()
        given["value"] = dice.choice((None, 0, 2, 5))
    if dice.random() < 0.5:
        given["idempotencyKey"] = f"k{dice.randrange(12)}"
    return given


def _hold(dice: Random, story: Story, length: float) -> None:
    """Have the clock of some partitions wait; nobody may come who says that it is over."""
    for partition in range(story.partitions):
        at = dice.random() * length
        while dice.random() < 0.4:
            story.counts["held"] += 1
            value = write_input({"type": "hold", "on": dice.random() < 0.6})
            story.sent.append(Sent(at, partition, None, value))
            at += dice.expovariate(0.5)


def user_of(event: Mapping[str, Any]) -> str:
    """Return the id of the user whom an event is of."""
    user: str | Mapping[str, str] = event["user"]
    return user if isinstance(user, str) else user["id"]


def _put(dice: Random, story: Story, event: dict[str, Any], at: float) -> Sent:
    user = user_of(event)
    partition = right_partition(event.get("tenant", DEFAULT_TENANT), user, story.partitions)
    if dice.random() < 0.1 and story.partitions > 1:
        story.counts["misrouted"] += 1
        partition = (partition + 1) % story.partitions
    headers = (("xp-origin", b"http"),) if dice.random() < 0.3 else ()
    return Sent(at, partition, user.encode(), write_input(event), headers)


def _poison(dice: Random, story: Story, at: float) -> Sent:
    value = dice.choice((None, b"", b"{", b"\xff\xfe", b'{"user":"ada","metrik":"commits"}'))
    story.poison.add(value)
    return Sent(at, dice.randrange(story.partitions), None, value)
