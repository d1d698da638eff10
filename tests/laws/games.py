"""Random games and random histories for the laws, and a log to judge them on.

Everything is drawn from small sets: what is rare in nature (a repeated key, a total exactly at a
threshold, a user who flies over the date line) is what the laws are about. More examples:
LAWS_EXAMPLES=3000 pytest tests/laws
"""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from processor.judge import Message, Seat, judge
from processor.rules.game import compile_game
from processor.state import PartitionState
from processor.store import Store
from schemas.definitions import Definitions, problems

EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "60"))
law = settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

METRICS = ("commits", "lines", "reviews")
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Pacific/Pago_Pago",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
)
# Around a skipped date of Apia, both changes of clocks, a leap day, the ends of a year and a week.
STARTS = (
    datetime(2011, 12, 28, 22, tzinfo=UTC),
    datetime(2024, 2, 27, 11, tzinfo=UTC),
    datetime(2025, 3, 28, 23, 30, tzinfo=UTC),
    datetime(2025, 10, 25, 5, tzinfo=UTC),
    datetime(2025, 12, 30, 9, 59, 59, 999000, tzinfo=UTC),
)


# Definitions


def _filters(keys, texts):
    return st.just({}) | st.dictionaries(st.sampled_from(keys), st.sampled_from(texts), max_size=2)


EVENT_FILTER = _filters(("kind", "size"), ("a", "b"))
USER_FILTER = _filters(("team",), ("x", "y"))
STATUS = st.sampled_from(("active", "active", "active", "inactive"))
THRESHOLDS = st.sampled_from(("0.5", "1", "1", "2", "3"))


@st.composite
def _streak(draw, metrics):
    chosen = draw(st.lists(st.sampled_from(metrics), unique=True, max_size=3))
    return {
        "enabled": draw(st.sampled_from((True, True, True, True, False))),
        "frequency": draw(st.sampled_from(("daily", "daily", "weekly", "monthly"))),
        "evaluationMode": draw(st.sampled_from(("AND", "OR"))),
        "metrics": [{"metric": metric, "threshold": draw(THRESHOLDS)} for metric in chosen],
    }


@st.composite
def _achievement(draw, key, metrics):
    item = {
        "key": key,
        "name": key,
        "userAttributes": draw(USER_FILTER),
        "status": draw(st.sampled_from(("active", "active", "active", "inactive", "locked"))),
    }
    if draw(st.booleans()):
        return {**item, "trigger": "streak", "streakLength": draw(st.integers(1, 4))}
    return {
        **item,
        "trigger": "metric",
        "metric": draw(st.sampled_from(metrics)),
        "metricValue": draw(st.sampled_from(("0.3", "1", "2", "5", "7.5", "20"))),
        "eventAttributes": draw(EVENT_FILTER),
    }


@st.composite
def _trigger(draw, key, metrics, achievements):
    item = {
        "key": key,
        "points": draw(st.sampled_from((1, 2, 5, 10, 50, -1, -3, -20))),
        "userAttributes": draw(USER_FILTER),
        "status": draw(STATUS),
    }
    kinds = ["metric", "metric", "metric", "streak", "user_creation"]
    kind = draw(st.sampled_from([*kinds, *(["achievement"] if achievements else [])]))
    if kind == "metric":
        item["metric"] = draw(st.sampled_from(metrics))
        item["metricThreshold"] = draw(st.integers(1, 5))
        item["eventAttributes"] = draw(EVENT_FILTER)
    if kind == "streak":
        item["streakLength"] = draw(st.integers(1, 3))
    if kind == "achievement":
        item["achievement"] = draw(st.sampled_from(achievements))
    return {**item, "type": kind}


@st.composite
def _system(draw, key, metrics, achievements):
    count = draw(st.integers(1, 5))
    levels = draw(st.lists(st.integers(0, 60), unique=True, max_size=4))
    return {
        "key": key,
        "name": key,
        "maxPoints": draw(st.none() | st.integers(1, 40)),
        "triggers": [draw(_trigger(f"t{index}", metrics, achievements)) for index in range(count)],
        "levels": [{"key": f"l{least}", "name": "level", "points": least} for least in levels],
    }


@st.composite
def games(draw):
    """Draw definitions without problems."""
    metrics = METRICS[: draw(st.integers(2, 3))]
    keys = [f"a{index}" for index in range(draw(st.integers(0, 5)))]
    defaults = st.none() | st.sampled_from(("0.1", "2"))
    definitions = Definitions.model_validate(
        {
            "settings": {
                "weekStart": draw(st.sampled_from(("monday", "sunday"))),
                "defaultTimeZone": draw(st.sampled_from(ZONES)),
            },
            "metrics": [
                {"key": key, "name": key, "defaultIncrementValue": draw(defaults)}
                for key in metrics
            ],
            "attributes": [
                {"type": "event", "key": "kind", "name": "kind"},
                {"type": "event", "key": "size", "name": "size"},
                {"type": "user", "key": "team", "name": "team"},
            ],
            "streak": draw(_streak(metrics)),
            "achievements": [draw(_achievement(key, metrics)) for key in keys],
            "points": [
                draw(_system(key, metrics, keys))
                for key in ("xp", "care")[: draw(st.integers(1, 2))]
            ],
        }
    )
    assert problems(definitions) == []
    return definitions


# Histories


class Told(NamedTuple):
    """An event as it stands in the log, and when it got there."""

    event: dict[str, Any]
    appended: datetime


MINUTES = st.sampled_from((0, 1, 30, 60, 6 * 60, 12 * 60, 24 * 60, 24 * 60, 25 * 60, 49 * 60))
WEEKS = st.sampled_from((5 * 24 * 60, 7 * 24 * 60, 31 * 24 * 60))
# Minutes before the append time; below zero is the future, up to five minutes of which are fine.
LATE = st.sampled_from((0, 1, 90, 23 * 60, 24 * 60, 8 * 24 * 60, 40 * 24 * 60, -4, -5, -6))
VALUES = st.sampled_from((1, 1, 1, 2, 3, 0, 0.1, 0.2, 2.5, 7, -1, -2, -0.5, 12))


@st.composite
def _user(draw, name, flights):
    user = {"id": name}
    if draw(st.integers(1, 10)) <= flights:
        user["tz"] = draw(st.none() | st.sampled_from(ZONES))
    if draw(st.integers(0, 4)) == 0:
        user["attributes"] = {"team": draw(st.sampled_from(("x", "y", "", None)))}
    if draw(st.integers(0, 9)) == 0:
        user["name"] = "Ada"
    return user if len(user) > 1 or draw(st.booleans()) else name


@st.composite
def histories(draw, *, users=("ada", "bob", "eve"), length=14, flights=2):
    """Draw events of some users in the order of the log; `flights` of ten move to another zone."""
    now = draw(st.sampled_from(STARTS))
    names = users[: draw(st.integers(1, len(users)))]
    story = []
    for _ in range(draw(st.integers(1, length))):
        now += timedelta(minutes=draw(MINUTES if draw(st.integers(0, 9)) else WEEKS))
        told = {"user": draw(_user(draw(st.sampled_from(names)), flights))}
        told["metric"] = draw(st.sampled_from((*METRICS, *METRICS[:2], *METRICS[:2])))
        if draw(st.integers(0, 5)):
            told["value"] = draw(VALUES)
        if draw(st.integers(0, 2)) == 0:
            keys = ("kind", "size", "kind", "size", "colour")[: draw(st.sampled_from((4, 4, 4, 5)))]
            texts = st.sampled_from(("a", "b"))
            told["attributes"] = draw(st.dictionaries(st.sampled_from(keys), texts, max_size=2))
        if draw(st.integers(0, 3)) == 0:
            told["occurredAt"] = (now - timedelta(minutes=draw(LATE))).isoformat()
        if draw(st.integers(0, 3)) == 0:
            told["idempotencyKey"] = draw(st.sampled_from(("k1", "k2", "k3")))
        story.append(Told(told, now))
    return story


# A log


class Rows(Store):
    """A store of rows in memory."""

    def __init__(self):
        """Begin empty."""
        self.rows = {}

    def get(self, key):
        """Return a row."""
        return self.rows.get(key)

    def write(self, rows, gone=()):
        """Write rows and delete others."""
        self.rows.update(rows)
        for key in gone:
            del self.rows[key]

    def clear(self):
        """Forget every row."""
        self.rows = {}


class Log:
    """One partition of events and the lane that judges it, from bytes to bytes."""

    def __init__(self, definitions):
        """Put the definitions in force as version 1."""
        game = compile_game(definitions, 1)
        self.state = PartitionState(Rows(), 0)
        self.seat = Seat(0, 1, 0, "lane", lambda _tenant, _version: game)
        self.raw = []
        self._offset = 0
        self.tell({"type": "definitions", "version": 1}, STARTS[0])

    def tell(self, event, appended):
        """Append an event and return the record that is judged of it."""
        millis = round(appended.timestamp() * 1000)
        message = Message(self._offset, millis, None, json.dumps(event).encode(), ())
        self._offset += 1
        judged = judge(self.seat, self.state, message)
        self.raw.append(judged.raw)
        return judged.record

    def standing(self, user):
        """Return a user's standing."""
        return self.state.standing("default", user)


def users_of(story):
    """Return the ids of the users in a history."""
    return {
        it.event["user"] if isinstance(it.event["user"], str) else it.event["user"]["id"]
        for it in story
    }
