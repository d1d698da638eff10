"""The language of the rule tests: given(game, *story).when(event).then(*entries).

A story is what happened before, as events or as entries; entries are compared exactly. There is
one user and no log: keys, partitions and other users are tested where they are looked after.
Definitions are written short: a game has the metric `commits`, and what is left out has defaults.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from processor.rules.decide import RefusedError, decide
from processor.rules.game import compile_game
from processor.rules.standing import evolve, new_standing
from schemas.codec import write_instant
from schemas.definitions import Definitions
from schemas.events import MetricEvent

# A Monday.
NOON = "2026-03-02T12:00:00Z"
DAY = "2026-03-02"


# Definitions, short


def game(metrics=("commits",), event=(), user=(), streak=None, settings=None, **parts):
    """Return definitions; `event` and `user` are keys of attributes, points are by system."""
    return Definitions.model_validate(
        {
            "settings": settings or {},
            "metrics": [_named(it if isinstance(it, dict) else {"key": it}) for it in metrics],
            "attributes": [
                *({"type": "event", "key": key, "name": key} for key in event),
                *({"type": "user", "key": key, "name": key} for key in user),
            ],
            "streak": streak or {},
            "achievements": [_achievement(it) for it in parts.pop("achievements", ())],
            "points": [_system(key, it) for key, it in parts.pop("points", {}).items()],
            **parts,
        }
    )


def daily(threshold=1, **fields):
    """Return streak settings with one condition, on commits."""
    return {"metrics": [{"metric": "commits", "threshold": threshold}], **fields}


def per(threshold, points, **fields):
    """Return a system with nothing but points for every so many commits."""
    return {"triggers": [{"metricThreshold": threshold, "points": points}], **fields}


def _named(item):
    return {"name": item["key"], **item}


def _achievement(item):
    if "metricValue" in item:
        return _named({"trigger": "metric", "metric": "commits", **item})
    return _named({"trigger": "streak", **item})


def _system(key, item):
    levels = [_named({"key": it, "points": least}) for it, least in item.get("levels", {}).items()]
    triggers = [_trigger(index, it) for index, it in enumerate(item.get("triggers", ()))]
    return _named({**item, "key": key, "triggers": triggers, "levels": levels})


def _trigger(index, item):
    item = {"key": f"t{index}", **item}
    if "metricThreshold" in item:
        return {"type": "metric", "metric": "commits", **item}
    if "streakLength" in item:
        return {"type": "streak", **item}
    return {"type": "achievement" if "achievement" in item else "user_creation", **item}


# Events, short


class Told(NamedTuple):
    """An event and the instant at which the log got it."""

    event: MetricEvent
    appended: datetime


def event(value=1, at=NOON, *, metric="commits", appended=None, user=None, **fields):
    """Return an event; `at` is a date (then at noon UTC) or an instant with its offset.

    `user` holds what the event says of the user, all other fields are those of an event.
    """
    when = instant(at)
    told = {"user": {"id": "ada", **(user or {})}, "metric": metric, "occurredAt": when, **fields}
    if value is not None:
        told["value"] = value
    return Told(MetricEvent.model_validate(told), instant(appended) if appended else when)


def on(*days):
    """Return an event of value 1 for each of these dates or instants."""
    return [event(at=day) for day in days]


def instant(text):
    """Read an instant, or a date as its noon in UTC."""
    return datetime.fromisoformat(text if len(text) > len(DAY) else f"{text}T12:00:00Z")


# Entries, short


def created(**fields):
    """Return the entry of a user's first event."""
    return {"kind": "user", "created": True, **fields}


def total(change, after, day=DAY, metric="commits", **fields):
    """Return the entry of a moved total."""
    change, after = str(change), str(after)
    entry = {"kind": "total", "metric": metric, "change": change, "total": after, "day": day}
    return {**entry, **fields}


def points(awarded, after, trigger="t0", system="xp"):
    """Return the entry of an award."""
    entry = {"kind": "points", "system": system, "trigger": trigger}
    return {**entry, "awarded": awarded, "total": after}


def level(before, after, total, system="xp"):
    """Return the entry of a change of level."""
    entry = {"kind": "level", "system": system, "before": before, "after": after}
    return {**entry, "total": total}


def achievement(key):
    """Return the entry of a completed achievement."""
    return {"kind": "achievement", "achievement": key}


# given, when, then


class given:  # noqa: N801  it is read as a word, not as a class
    """Definitions, and what happened before: events are judged, entries are taken as they are."""

    def __init__(self, definitions, *story):
        """Play the story."""
        self.definitions = definitions
        self.standing = None
        for item in story:
            if isinstance(item, Told):
                self.standing = self._decide(item).standing
            else:
                at = write_instant(instant(NOON))
                self.standing = evolve(self.standing or new_standing(at), item, at)

    def _decide(self, told):
        compiled = compile_game(self.definitions, 1)
        return decide(self.standing, told.event, told.appended.astimezone(UTC), compiled)

    def when(self, told):
        """Judge one more event."""
        return Result(lambda: self._decide(told))


class Result:
    """What came of an event: judged where it is asked for, as it may be refused."""

    def __init__(self, judge):
        """Take the judging."""
        self._judge = judge

    def then(self, *entries):
        """Expect exactly these entries, in this order."""
        assert self._judge().entries == list(entries)

    def then_of(self, kind, *entries):
        """Expect exactly these entries of one kind, in this order."""
        assert [it for it in self._judge().entries if it["kind"] == kind] == list(entries)

    def then_streak(self, **fields):
        """Expect these fields of the streak that the answer shows."""
        shown = self._judge().state["streak"]
        assert {name: shown[name] for name in fields} == fields

    def then_refused(self, code, text):
        """Expect a refusal of this kind with this text in its reason."""
        with pytest.raises(RefusedError) as caught:
            self._judge()
        assert caught.value.code == code
        assert text in str(caught.value)


def play(definitions, *events):
    """Return the verdicts on events of a new user."""
    compiled, standing, verdicts = compile_game(definitions, 1), None, []
    for told in events:
        verdicts.append(decide(standing, told.event, told.appended.astimezone(UTC), compiled))
        standing = verdicts[-1].standing
    return verdicts


def awarded(definitions, *values):
    """Return the points that each of these values adds, one event per value."""
    return [
        sum(entry["awarded"] for entry in verdict.entries if entry["kind"] == "points")
        for verdict in play(definitions, *(event(value) for value in values))
    ]


def lengths(definitions, *events):
    """Return the streak's length as each answer shows it."""
    return [verdict.state["streak"]["length"] for verdict in play(definitions, *events)]


def of_kind(kind, verdict):
    """Return a verdict's entries of one kind."""
    return [entry for entry in verdict.entries if entry["kind"] == kind]
