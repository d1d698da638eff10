"""Histories of users whose days are short, long, missing or of another zone. Sends nothing.

Each user is active on every local date of a story, so it is known without any rules how long the
streaks become: as long as there were dates, weeks and months that were not there before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from faults.event import Event

ONE_DAY: Final = timedelta(days=1)
# Local times of day that matter: the ends of a day, and what a change of clocks leaves out.
TIMES: Final = (
    time(0, 0),
    time(0, 0, 1),
    time(0, 30),
    time(1, 59, 59),
    time(2, 0),
    time(2, 15),
    time(2, 30),
    time(12, 0),
    time(23, 30),
    time(23, 59, 59),
)


class Scene(NamedTuple):
    """Where and when a story takes place."""

    name: str
    zone: str
    first: date
    days: int


SCENES: Final = (
    Scene("clocks go forward", "Europe/Berlin", date(2025, 3, 27), 6),
    Scene("clocks go back", "America/New_York", date(2025, 10, 30), 6),
    Scene("clocks go half an hour forward", "Australia/Lord_Howe", date(2025, 10, 2), 6),
    Scene("clocks go half an hour back", "Australia/Lord_Howe", date(2025, 4, 3), 6),
    Scene("a day without a midnight", "America/Santiago", date(2025, 9, 4), 6),
    Scene("a day with two midnights", "America/Havana", date(2025, 10, 30), 6),
    Scene("a date that was not", "Pacific/Apia", date(2011, 12, 26), 8),
    Scene("a leap day", "Asia/Kolkata", date(2024, 2, 26), 7),
    Scene("a year's end", "America/Los_Angeles", date(2024, 12, 28), 8),
)
ZONES: Final = (
    "Pacific/Apia",
    "Pacific/Pago_Pago",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Europe/Berlin",
    "UTC",
    "America/Los_Angeles",
)


# Where a date begins first, and where it does last: 25 hours apart.
FIRST_ZONE: Final = "Pacific/Kiritimati"
LAST_ZONE: Final = "Pacific/Pago_Pago"
LATE_HOUR: Final = 4


@dataclass
class Story:
    """One user's events, and how long each streak becomes by them."""

    name: str
    user: str
    first: date
    events: list[Event]
    lengths: dict[str, int] = field(default_factory=dict)


def of_scene(dice: Random, mark: str, scene: Scene) -> Story:
    """Return the story of one who stays where the scene is, active on each of its dates."""
    zone, instants = ZoneInfo(scene.zone), []
    for number in range(scene.days):
        day = scene.first + number * ONE_DAY
        for at in sorted(dice.sample(TIMES, dice.randint(1, 3))):
            wall = datetime.combine(day, at, zone).replace(fold=dice.randrange(2))
            instant = wall.astimezone(UTC)
            # What clocks skipped comes back as another time, perhaps of another date.
            if instant.astimezone(zone).date() == day:
                instants.append((instant, scene.zone))
    return _story(scene.name, mark, sorted(instants))


def of_traveller(dice: Random, mark: str) -> Story:
    """Return the story of one who flies around the world, and is active at least every 20 hours.

    One flight goes from the last place on earth that has a date to the first: a date is skipped.
    """
    at, name, instants = (
        datetime(2025, 5, 28, dice.randrange(24), tzinfo=UTC),
        dice.choice(ZONES),
        [],
    )
    west = dice.randint(2, 10)
    for number in range(14):
        if number in (west, west + 1):
            name = LAST_ZONE if number == west else FIRST_ZONE
        elif dice.random() < 0.4:
            name = dice.choice(ZONES)
        instants.append((at, name))
        minutes = dice.randint(6 * 60, 20 * 60)
        if number == west - 1:
            # From the first hours of a day the flight would skip nothing.
            late = [it for it in range(6, 20) if _hour(at, it) >= LATE_HOUR]
            minutes = 60 * dice.choice(late)
        at += timedelta(minutes=20 * 60 if number == west else minutes)
    return _story("flights", mark, instants)


def _hour(at: datetime, later: int) -> int:
    """Return the hour of the day some hours later, where a date begins last."""
    return (at + timedelta(hours=later)).astimezone(ZoneInfo(LAST_ZONE)).hour


def _story(name: str, user: str, instants: list[tuple[datetime, str]]) -> Story:
    events = [
        Event(f"{user}.{number}", "kafka", user, tz=zone, occurred=_text(at))
        for number, (at, zone) in enumerate(instants)
    ]
    days = [at.astimezone(ZoneInfo(zone)).date() for at, zone in instants]
    lengths = {
        "daily": _rises(days),
        "weekly": _rises([day - day.weekday() * ONE_DAY for day in days]),
        "monthly": _rises([day.replace(day=1) for day in days]),
    }
    return Story(name, user, days[0], events, lengths)


def _rises(periods: list[date]) -> int:
    """Return how many periods are later than all before them: one never counts twice."""
    return sum(
        period > max(periods[:place], default=date.min) for place, period in enumerate(periods)
    )


def present(story: Story) -> Event:
    """Return what brings a user's time to the present, and does nothing else."""
    return idle(f"{story.user}.present", story.user)


def idle(mark: str, user: str, at: datetime | None = None) -> Event:
    """Return an event that counts for nothing: neither a streak nor points."""
    return Event(mark, "kafka", user, "reviews", 0, occurred=_text(at) if at else None)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def problems(story: Story, streaks: list[tuple[str, str, int]]) -> list[str]:
    """Say where what happened to a user's streaks (frequency, change, length) is not the story."""
    found = []
    for frequency, expected in story.lengths.items():
        own = [it for it in streaks if it[0] == frequency]
        longest = max((length for _, _, length in own), default=0)
        reached = next((place for place, it in enumerate(own) if it[2] == expected), len(own))
        lost = [it for it in own[:reached] if it[1] == "lost"]
        if longest != expected or lost:
            found.append(
                f"F13 {story.name}: the {frequency} streak of {story.user} came to {longest}, not "
                f"{expected}: {own}"
            )
    return found


def twins(dice: Random, mark: str, now: datetime) -> tuple[list[Event], list[Event], Event]:
    """Return the same history of two users, and the event that brings the first to the present."""
    zone = dice.choice(ZONES)
    at = now - timedelta(days=dice.randint(9, 16), seconds=dice.randrange(86_400))
    instants = []
    for _ in range(dice.randint(3, 9)):
        instants.append(
            (at, dice.choice(("commits", "commits", "lines")), dice.choice((1, 2, 10, 12)))
        )
        at += timedelta(minutes=dice.randint(5, 40 * 60))
        if at > now - timedelta(hours=1):
            break
    both = [
        [
            Event(f"{user}.{number}", "kafka", user, metric, value, tz=zone, occurred=_text(when))
            for number, (when, metric, value) in enumerate(instants)
        ]
        for user in (f"{mark}.asked", f"{mark}.waiting")
    ]
    return both[0], both[1], idle(f"{mark}.asked.present", f"{mark}.asked")
