"""Every place in which a rule can break or refuse, for every kind of input: nothing stays behind.

One history with all kinds of effects; the last input breaks at its first word, at its second and so
on, or is refused, wherever the user's state is by then.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import yaml
from laws.breaking import broken
from laws.games import read
from laws.log import Appended, Log

from schemas.inputs.base import DEFAULT_TENANT
from schemas.versions import Version, succeed

START: Final = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY: Final = timedelta(days=1)
GAME: Final = """
metrics:
- {key: commits, name: commits}
- {key: lines, name: lines}
- {key: reviews, name: reviews}
attributes:
- {key: kind, name: kind, type: event}
- {key: team, name: team, type: user}
streak:
  metrics: [{metric: commits, threshold: 1}]
  personalization: true
  maxFreezes: 3
  initialFreezes: 1
  freezeAutoEarnInterval: 2
  freezeAutoEarnAmount: 1
achievements:
- {key: two, name: two, trigger: metric, metric: commits, metricValue: 2}
- key: bug
  name: bug
  trigger: metric
  metric: commits
  metricValue: 1
  eventAttributes: {kind: b}
- {key: days, name: days, trigger: streak, streakLength: 2}
- {key: asked, name: asked, trigger: api}
- {key: theirs, name: theirs, trigger: api, userAttributes: {team: z}}
- {key: all, name: all, trigger: achievement, achievements: [two, asked]}
points:
- key: xp
  name: xp
  triggers:
  - {key: welcome, type: user_creation, points: 1}
  - {key: per, type: metric, metric: commits, metricThreshold: 1, points: 2}
  - {key: asked, type: achievement, achievement: asked, points: 7}
  - {key: days, type: streak, streakLength: 1, points: 3}
  - {key: hours, type: time, timeUnit: hours, timeInterval: 7, points: 1}
  - {key: much, type: metric, metric: lines, metricThreshold: 1, points: 1000000000000}
  boosts:
  - {key: mine, name: mine, multiplier: 2, start: 2026-03-04, end: 2026-03-05, userId: ada}
  levels:
  - {key: l1, name: level, points: 1}
  - {key: l6, name: level, points: 6}
  - {key: l15, name: level, points: 15}
- key: care
  name: care
  triggers:
  - key: toll
    type: metric
    metric: reviews
    metricThreshold: 1
    points: -1
    blockIfOutOfPoints: true
"""
# The version after it asks the past for one achievement more.
MORE: Final = "{key: one, name: one, trigger: metric, metric: commits, metricValue: 1}"


def versions() -> list[Version]:
    """Return both versions of the definitions."""
    game = yaml.safe_load(GAME)
    first = succeed(None, read(game), DEFAULT_TENANT, START)
    game["achievements"].append(yaml.safe_load(MORE))
    return [first, succeed(first, read(game), DEFAULT_TENANT, START)]


VERSIONS: Final = versions()


def commits(on: int, value: float = 1, **fields: Any) -> Appended:
    """Return an event on a day."""
    given = {"user": "ada", "metric": "commits", "value": value, **fields}
    return Appended(given, START + on * DAY)


def of_ada(on: int, kind: str, **fields: Any) -> Appended:
    """Return an input of another kind on a day."""
    return Appended({"type": kind, "user": "ada", **fields}, START + on * DAY)


MARKER: Final = Appended({"type": "definitions", "version": 1}, START)
HISTORY: Final = (
    MARKER,
    commits(0, attributes={"kind": "b"}, idempotencyKey="k1"),
    commits(1, 0.5, idempotencyKey="k2"),
    of_ada(1, "pause", id="p", start="2026-03-10", end="2026-03-11"),
    commits(1, 0.75),
    Appended({"type": "definitions", "version": 2}, START + DAY),
)
EVENT: Final = {"id": "ada", "tz": "Pacific/Kiritimati", "attributes": {"team": "x"}}
# What makes a user, and what comes of one who is known. The streak was lost by the day 9.
CREATING: Final = {
    "event": commits(0, attributes={"kind": "b"}, user=EVENT),
    "identification": of_ada(0, "user", user=EVENT),
    "completion": of_ada(0, "achievement", user=EVENT, achievement="asked"),
}
KNOWN: Final = {
    "event": commits(2, 4, attributes={"kind": "b"}, user=EVENT, idempotencyKey="k3"),
    "late event": commits(9, 2, occurredAt="2026-03-04T08:00:00Z"),
    "identification": of_ada(3, "user", user=EVENT),
    "completion": of_ada(3, "achievement", user=EVENT, achievement="asked"),
    "due": of_ada(4, "due", at="2026-03-05T00:00:00Z"),
    "adjustment": of_ada(3, "adjustment", system="xp", points=-4, reason="because"),
    "correction": of_ada(
        3,
        "correction",
        event="0-0-1",
        metric="commits",
        was=1,
        value=-1,
        attributes={"kind": "b"},
        at="2026-03-02T08:00:00Z",
        day="2026-03-02",
        reason="because",
    ),
    "freeze": of_ada(2, "freeze"),
    "pause": of_ada(3, "pause", id="q", start="2026-03-12", end="2026-03-13"),
    "pause removal": of_ada(3, "pause_removal", id="p"),
    "restoration": of_ada(20, "restore"),
    "preferences": of_ada(3, "preferences", streak={"enabled": False}),
    "backfill": of_ada(3, "backfill", version=2, series={}),
}
# What is refused, or has nothing to do, when time and more has already done something to the user.
NOT_APPLIED: Final = {
    "too few points": Appended({"user": EVENT, "metric": "reviews"}, START + 9 * DAY),
    "too many points": Appended({"user": EVENT, "metric": "lines", "value": 1e6}, START + 9 * DAY),
    "no points to take": of_ada(9, "adjustment", system="care", points=-1, reason="because"),
    "too many freezes": of_ada(30, "freeze"),
    "no streak to restore": of_ada(2, "restore"),
    "a pause of yesterday": of_ada(9, "pause", id="q", start="2026-03-10", end="2026-03-12"),
    "nothing to set": of_ada(9, "preferences", streak={}),
    "a metric that is none": of_ada(
        9, "preferences", streak={"metrics": [{"metric": "pages", "threshold": 1}]}
    ),
    "of other users": of_ada(9, "achievement", user=EVENT, achievement="theirs"),
}
# Where a known user's state is: since when it was changed, and whether it is in memory.
PLACES: Final = ("changed", "cached", "stored", "stored and changed")


def played(place):
    """Return a log on which the history was judged, the user's state being there."""
    log = Log(VERSIONS)
    for appended in HISTORY if place != "new" else HISTORY[:1]:
        if place == "stored and changed" and appended is HISTORY[-2]:
            log.keep()
            log.restart()
        log.tell(*appended)
    if place in ("cached", "stored"):
        log.keep()
    if place == "stored":
        log.restart()
    return log


CASES: Final = {
    **{f"{name}, new": (given, "new") for name, given in CREATING.items()},
    **{f"{name}, {place}": (given, place) for name, given in KNOWN.items() for place in PLACES},
}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(("given", "place"), CASES.values(), ids=CASES)
def test_wherever_it_breaks_the_user_is_as_before(given, place):
    control = played(place)
    before = control.user_bytes("ada")
    applied = control.tell(*given)
    assert applied.outcome == "applied", applied.reason
    after, words = control.user_bytes("ada"), 0
    while True:
        log = played(place)
        with broken(words) as breaking:
            record = log.tell(*given)
        if not breaking.has_raised:
            break
        words += 1
        assert (record.outcome, record.entries) == ("dead", [])
        assert log.user_bytes("ada") == before
        # As if it had not been, the same one comes to the same.
        assert log.tell(*given).entries == applied.entries
        assert log.user_bytes("ada") == after
    # One for each entry, and some for what is said of them.
    assert words > len(applied.entries)


NOT_APPLIED_CASES: Final = {
    f"{name}, {place}": (given, place) for name, given in NOT_APPLIED.items() for place in PLACES
}


@pytest.mark.parametrize(("given", "place"), NOT_APPLIED_CASES.values(), ids=NOT_APPLIED_CASES)
def test_what_is_not_applied_leaves_the_user_as_before(given, place):
    log, twin = played(place), played(place)
    record = log.tell({**given.input, "idempotencyKey": "k9"}, given.at)
    assert record.outcome == ("replayed" if given is NOT_APPLIED["nothing to set"] else "refused")
    twin.tell(None, given.at)
    assert log.user_bytes("ada") == twin.user_bytes("ada")
    # Not even the key counts as used: all that is stored is the same.
    for it in (log, twin):
        it.tell(*commits(31, idempotencyKey="k9"))
        it.keep()
    assert log.raw[-1] == twin.raw[-1]
    assert log.store.rows == twin.store.rows
