"""The language of the rule tests: given(game, *story).when(input).then(*entries).

A story is what happened before: inputs, which are judged; entries, which are taken as they are; and
definitions that come into force in the midst of it. Entries are compared exactly, but for those
that every test would have to repeat (`Result.then`). There is one user and no log: keys, partitions
and other users are tested where they are looked after. Definitions are written short: a game has
the metric `commits`, and what is left out has defaults.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from processor.rules.decide import NothingToDoError, RefusedError, decide
from processor.rules.game import compile_version
from processor.rules.standing import evolve, new_standing
from schemas.codec import write_instant
from schemas.definitions import Definitions
from schemas.events import (
    AchievementCompletion,
    Adjustment,
    Backfill,
    Correction,
    Due,
    FreezeGrant,
    Identification,
    MetricEvent,
    PauseAddition,
    PauseRemoval,
    Preferences,
    StreakRestoration,
    UserInput,
)
from schemas.versions import Version, succeed

# A Monday.
NOON = "2026-03-02T12:00:00Z"
DAY = "2026-03-02"
# When the first version of a game came into force, unless a test says otherwise: before all else.
FOUNDED = "2000-01-01T00:00:00Z"


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


def every(points, **interval):
    """Return a time trigger: every(5, hours=3), every(1, days=1)."""
    ((unit, count),) = interval.items()
    return {"type": "time", "timeUnit": unit, "timeInterval": count, "points": points}


def _named(item):
    return {"name": item["key"], **item}


def _achievement(item):
    if "metricValue" in item:
        return _named({"trigger": "metric", "metric": "commits", **item})
    if "achievements" in item:
        return _named({"trigger": "achievement", **item})
    return _named({"trigger": "streak" if "streakLength" in item else "api", **item})


def _system(key, item):
    levels = [_named({"key": it, "points": least}) for it, least in item.get("levels", {}).items()]
    triggers = [_trigger(index, it) for index, it in enumerate(item.get("triggers", ()))]
    boosts = [_named({"key": f"b{at}", **it}) for at, it in enumerate(item.get("boosts", ()))]
    parts = {"triggers": triggers, "levels": levels, "boosts": boosts}
    return _named({**item, "key": key, **parts})


def _trigger(index, item):
    item = {"key": f"t{index}", **item}
    if "metricThreshold" in item:
        return {"type": "metric", "metric": "commits", **item}
    if "streakLength" in item:
        return {"type": "streak", **item}
    return {"type": "achievement" if "achievement" in item else "user_creation", **item}


# Inputs, short. `at` is a date (then at noon UTC) or an instant with its offset.


class Told(NamedTuple):
    """An input and the instant at which the log got it."""

    event: UserInput
    appended: datetime


def event(value=1, at=NOON, *, metric="commits", appended=None, user=None, **fields):
    """Return an event; `user` holds what it says of the user, other fields are its own."""
    when = instant(at)
    told = {"user": {"id": "ada", **(user or {})}, "metric": metric, "occurredAt": when, **fields}
    if value is not None:
        told["value"] = value
    return Told(MetricEvent.model_validate(told), instant(appended) if appended else when)


def on(*days):
    """Return an event of value 1 for each of these dates or instants."""
    return [event(at=day) for day in days]


def days(*numbers):
    """Return an event of value 1 on each of these days of March 2026, whose 2nd is a Monday."""
    return on(*(f"2026-03-{number:02}" for number in numbers))


def identify(at=NOON, **user):
    """Return what is told of a user who does nothing."""
    return Told(Identification(type="user", user={"id": "ada", **user}), instant(at))


def complete(key, at=NOON, **user):
    """Return the request to complete an achievement."""
    told = {"user": {"id": "ada", **user}, "achievement": key, "occurredAt": instant(at)}
    return Told(AchievementCompletion(type="achievement", **told), instant(at))


def due(at, appended=None):
    """Return the clock's word that an instant has come."""
    return Told(Due(type="due", user="ada", at=instant(at)), instant(appended or at))


def grant(count, at=NOON, *, system="xp", reason="because"):
    """Return an operator's grant of points, or, negative, deduction."""
    return _of_user(Adjustment, "adjustment", at, system=system, points=count, reason=reason)


def correct(value, of, at=NOON, *, event="0-0-7"):
    """Return the correction of an event (`of`, as the story has it) to a value; None reverses it.

    `event` is its id in the log: two events of one story that are both corrected have two.
    """
    known = {"metric": of.event.metric, "was": of.event.value, "attributes": of.event.attributes}
    told = {"event": event, "at": of.event.occurredAt, "value": value, "reason": "because"}
    return _of_user(Correction, "correction", at, **known, **told)


def freeze(at=NOON):
    """Return an operator's grant of one streak freeze."""
    return _of_user(FreezeGrant, "freeze", at)


def pause(start, end, at=NOON, *, id="p"):  # noqa: A002  the field's name
    """Return an operator's pause of the streak from one date to another."""
    return _of_user(PauseAddition, "pause", at, id=id, start=start, end=end)


def unpause(at=NOON, *, id="p"):  # noqa: A002  the field's name
    """Return the removal of a pause."""
    return _of_user(PauseRemoval, "pause_removal", at, id=id)


def restore(at=NOON):
    """Return an operator's request to give the lost streak back."""
    return _of_user(StreakRestoration, "restore", at)


def prefer(at=NOON, **streak):
    """Return a user's own streak settings; metrics are written {key: threshold}."""
    if "metrics" in streak:
        told = streak["metrics"].items()
        streak["metrics"] = [{"metric": key, "threshold": least} for key, least in told]
    return _of_user(Preferences, "preferences", at, streak=streak)


def backfill(version, at=NOON, **series):
    """Return what a version asks of the user's past: filter, as `kind_a` for commits?kind=a."""
    past = {f"commits?{name.replace('_', '=')}": it for name, it in series.items()}
    return _of_user(Backfill, "backfill", at, version=version, series=past)


def _of_user(model, kind, when, /, **fields):
    return Told(model(type=kind, user="ada", **fields), instant(when))


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


def points(awarded, after, trigger="t0", system="xp", **fields):
    """Return the entry of an award."""
    entry = {"kind": "points", "system": system, "trigger": trigger}
    return {**entry, "awarded": awarded, "total": after, **fields}


def level(before, after, total, system="xp", **fields):
    """Return the entry of a change of level."""
    entry = {"kind": "level", "system": system, "before": before, "after": after}
    return {**entry, "total": total, **fields}


def achievement(key, **fields):
    """Return the entry of a completed achievement."""
    return {"kind": "achievement", "achievement": key, **fields}


def streak(change, length, period, started, *, frequency="daily", told=True, **fields):
    """Return a streak entry that is kept up to its period, or lost."""
    entry = {
        "kind": "streak",
        "frequency": frequency,
        "change": change,
        "length": length,
        "started": started,
        "period": period,
        "through": period if length else None,
        **fields,
    }
    return entry if told else {**entry, "quiet": True}


def freezes(change, amount, left, day=DAY):
    """Return the entry of freezes granted or earned."""
    return {"kind": "freezes", "change": change, "amount": amount, "freezes": left, "day": day}


def corrected(before, after, event="0-0-7"):
    """Return the entry of a correction."""
    told = {"before": str(before), "after": str(after), "reason": "because"}
    return {"kind": "correction", "event": event, **told}


def plain(entry):
    """Return an entry without the date on which a user came to be: most stories leave it open."""
    if entry["kind"] == "user":
        return {name: it for name, it in entry.items() if name != "day"}
    return entry


# given, when, then


class Newer(NamedTuple):
    """Definitions that come into force at a certain instant, where that matters."""

    definitions: Definitions
    at: str


class given:  # noqa: N801  it is read as a word, not as a class
    """Definitions, and what happened before."""

    def __init__(self, definitions, *story, founded=FOUNDED):
        """Play the story; the definitions are in force since `founded`."""
        self.version: Version = succeed(None, definitions, "default", instant(founded))
        self._game = compile_version(self.version)
        self.standing: Any = None
        self.verdicts: list[Any] = []
        self._corrected: dict[str, Decimal] = {}
        for item in story:
            self._play(item)

    def _play(self, item):
        if isinstance(item, Definitions):
            self._follow(item, NOON)
        elif isinstance(item, Newer):
            self._follow(item.definitions, item.at)
        elif isinstance(item, Told):
            verdict = self._decide(item)
            self.verdicts.append(verdict)
            self.standing = verdict.standing
            for entry in of_kind("correction", verdict):
                self._corrected[entry["event"]] = Decimal(entry["after"])
        else:
            at = write_instant(instant(NOON))
            self.standing = evolve(self.standing or new_standing(at), item, at)

    def _follow(self, definitions, at):
        self.version = succeed(self.version, definitions, "default", instant(at))
        self._game = compile_version(self.version)

    def _decide(self, told):
        value = None
        if isinstance(told.event, Correction):
            value = self._corrected.get(told.event.event)
        return decide(self.standing, told.event, told.appended.astimezone(UTC), self._game, value)

    def when(self, told):
        """Judge one more input."""
        return Result(lambda: self._decide(told))


class Result:
    """What came of an input: judged where it is asked for, as it may be refused."""

    def __init__(self, judge):
        """Take the judging."""
        self._judge = judge

    def then(self, *entries):
        """Expect exactly these entries, in this order; when time goes on is asked for by itself."""
        assert [plain(it) for it in self._judge().entries if it["kind"] != "due"] == list(entries)

    def then_due(self, at):
        """Expect that time alone will do something at this instant next, None: never."""
        assert self._judge().standing.get("due") == at

    def then_nothing(self):
        """Expect that there is nothing to do."""
        with pytest.raises(NothingToDoError):
            self._judge()

    def then_of(self, kind, *entries):
        """Expect exactly these entries of one kind, in this order."""
        assert of_kind(kind, self._judge()) == list(entries)

    def then_told(self, *entries):
        """Expect exactly these entries, in this order, of those that somebody is told of.

        Left out are quiet ones, when time goes on, and how totals and periods move.
        """
        found = self._judge().entries
        assert [plain(it) for it in found if not it.get("quiet") and it["kind"] in TOLD] == list(
            entries
        )

    def then_streak(self, **fields):
        """Expect these fields of the streak that the answer shows."""
        shown = self._judge().state["streak"]
        assert {name: shown[name] for name in fields} == fields

    def then_standing(self, **fields):
        """Expect these fields of where the user stands."""
        standing = self._judge().standing
        assert {name: standing.get(name) for name in fields} == fields

    def then_refused(self, code, text):
        """Expect a refusal of this kind with this text in its reason."""
        with pytest.raises(RefusedError) as caught:
            self._judge()
        assert caught.value.code == code
        assert text in str(caught.value)


TOLD = ("streak", "freezes", "achievement", "points", "level", "boost")


def play(definitions, *story):
    """Return the verdicts on the inputs of a new user's story."""
    return given(definitions, *story).verdicts


def awarded(definitions, *values):
    """Return the points that each of these values adds, one event per value."""
    return gained(definitions, *(event(value) for value in values))


def gained(definitions, *story):
    """Return the points that each input of a story adds."""
    return [
        sum(entry["awarded"] for entry in verdict.entries if entry["kind"] == "points")
        for verdict in play(definitions, *story)
    ]


def lengths(definitions, *story):
    """Return the streak's length as each answer shows it."""
    return [verdict.state["streak"]["length"] for verdict in play(definitions, *story)]


def of_kind(kind, verdict):
    """Return a verdict's entries of one kind."""
    return [entry for entry in verdict.entries if entry["kind"] == kind]
