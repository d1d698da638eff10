"""Inputs, written short, and read as the judge reads them. `at` is a date (then at noon UTC) or an
instant with its offset.
"""

from datetime import datetime
from typing import Any, NamedTuple

from schemas.codec import write_input
from schemas.inputs import UserInput
from schemas.inputs.explaining import read_json
from schemas.inputs.reading import read_input

# A Monday.
NOON = "2026-03-02T12:00:00Z"
DAY = "2026-03-02"


class Sent(NamedTuple):
    """An input and the instant at which the log got it."""

    input: UserInput
    appended: datetime
    # As it stands in the log.
    words: dict[str, Any]


def instant(text):
    """Read an instant, or a date as its noon in UTC."""
    return datetime.fromisoformat(text if len(text) > len(DAY) else f"{text}T12:00:00Z")


def event(value=1, at=NOON, *, metric="commits", appended=None, user=None, **fields):
    """Return an event; `user` holds what it says of the user, other fields are its own."""
    when = instant(at)
    words = {"user": {"id": "ada", **(user or {})}, "metric": metric, "occurredAt": when, **fields}
    if value is not None:
        words["value"] = value
    return sent(words, instant(appended) if appended else when)


def on(*days):
    """Return an event of value 1 for each of these dates or instants."""
    return [event(at=day) for day in days]


def days(*numbers):
    """Return an event of value 1 on each of these days of March 2026, whose 2nd is a Monday."""
    return on(*(f"2026-03-{number:02}" for number in numbers))


def identify(at=NOON, **user):
    """Return what is said of a user who does nothing."""
    return sent({"type": "user", "user": {"id": "ada", **user}}, instant(at))


def complete(key, at=NOON, **user):
    """Return the request to complete an achievement."""
    words = {"user": {"id": "ada", **user}, "achievement": key, "occurredAt": instant(at)}
    return sent({"type": "achievement", **words}, instant(at))


def due(at, appended=None):
    """Return the clock's word that an instant has come."""
    return sent({"type": "due", "user": "ada", "at": instant(at)}, instant(appended or at))


def grant(count, at=NOON, *, system="xp", reason="because"):
    """Return an operator's grant of points, or, negative, deduction."""
    return _of_user("adjustment", at, system=system, points=count, reason=reason)


def correct(value, of, at=NOON, *, event="0-0-7"):
    """Return the correction of an event (`of`, as the story has it) to a value; None reverses it.

    `event` is its id in the log: two events of one story that are both corrected have two.
    """
    known = {"metric": of.input.metric, "was": of.input.value, "attributes": of.input.attributes}
    words = {"event": event, "at": of.input.occurredAt, "value": value, "reason": "because"}
    return _of_user("correction", at, **known, **words)


def freeze(at=NOON):
    """Return an operator's grant of one streak freeze."""
    return _of_user("freeze", at)


def pause(start, end, at=NOON, *, id="p"):  # noqa: A002  the field's name
    """Return an operator's pause of the streak from one date to another."""
    return _of_user("pause", at, id=id, start=start, end=end)


def unpause(at=NOON, *, id="p"):  # noqa: A002  the field's name
    """Return the removal of a pause."""
    return _of_user("pause_removal", at, id=id)


def restore(at=NOON):
    """Return an operator's request to give the lost streak back."""
    return _of_user("restore", at)


def prefer(at=NOON, **streak):
    """Return a user's own streak settings; metrics are written {key: threshold}, or as pairs."""
    if "metrics" in streak:
        metrics = streak["metrics"]
        pairs = metrics.items() if isinstance(metrics, dict) else metrics
        streak["metrics"] = [{"metric": key, "threshold": least} for key, least in pairs]
    return _of_user("preferences", at, streak=streak)


def backfill(version, at=NOON, **series):
    """Return what a version asks of the user's past: filter, as `kind_a` for commits?kind=a."""
    past = {f"commits?{name.replace('_', '=')}": it for name, it in series.items()}
    return _of_user("backfill", at, version=version, series=past)


def _of_user(kind, when, /, **fields):
    return sent({"type": kind, "user": "ada", **fields}, instant(when))


def sent(words, appended) -> Sent:
    """Return the input that these words are to the judge."""
    raw = write_input(words)
    given: Any = read_input(raw)
    return Sent(given, appended, read_json(raw))
