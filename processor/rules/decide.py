"""`decide`: what an input of one user means, rule after rule in one written order (semantics 7.2).

Idempotency keys have been looked up before; the level of whole partitions is not known here.
"""

from datetime import datetime
from decimal import Decimal

from processor.rules.achievements import (
    completed_by_metric,
    completed_by_others,
    completed_by_streak,
)
from processor.rules.course import (
    FUTURE_MAX,
    Course,
    NothingToDoError,
    RefusedError,
    Verdict,
    check_attributes,
    future,
    keys_of,
    length_of,
    state_of,
)
from processor.rules.game import Game, MetricRule
from processor.rules.others import OF_KNOWN, decide_completion, decide_identification
from processor.rules.points import Effects, awards, blocked
from processor.rules.standing import Standing
from processor.rules.streaks import count
from processor.rules.totals import total_entry
from schemas.codec import write_instant
from schemas.events import AchievementCompletion, Due, Identification, MetricEvent, UserInput
from schemas.periods import local_date

__all__ = [
    "NothingToDoError",
    "RefusedError",
    "Verdict",
    "admit",
    "decide",
    "event_time",
    "state_of",
]


def event_time(given: UserInput, appended: datetime) -> datetime:
    """Return when an input happened: as it says itself where it does, else its append time (OD-1).

    A correction happens when it is made, whenever the event was that it corrects.
    """
    if isinstance(given, MetricEvent | AchievementCompletion):
        return given.occurredAt or appended
    return given.at if isinstance(given, Due) else appended


def decide(
    standing: Standing | None,
    given: UserInput,
    appended: datetime,
    game: Game,
    corrected: Decimal | None = None,
) -> Verdict:
    """Judge one input of a user; `standing` is None for one who is not known yet.

    `corrected` is the value that the event of a correction has come to by earlier ones. Raises
    RefusedError for what the rules do not admit, and NothingToDoError for what is done already.
    """
    at = event_time(given, appended)
    if isinstance(given, MetricEvent):
        return _decide_event(standing, given, appended, at, game)
    if at > appended + FUTURE_MAX:
        raise RefusedError("invalid", future("at" if isinstance(given, Due) else "occurredAt"))
    if isinstance(given, AchievementCompletion):
        return decide_completion(standing, given, at, game)
    if isinstance(given, Identification):
        return decide_identification(standing, given, at, game)
    if standing is None:
        raise RefusedError("not_found", "User does not exist")
    course = Course(standing, write_instant(at), given.user, game)
    course.corrected = corrected
    course.roll()
    return OF_KNOWN[type(given)](course, given)


def _decide_event(
    standing: Standing | None, event: MetricEvent, appended: datetime, at: datetime, game: Game
) -> Verdict:
    rule = admit(event, appended, game)
    course = Course(standing, write_instant(at), event.user.id, game)
    course.roll()
    course.know(event.user, at)
    own = course.standing
    value = rule.increment if event.value is None else event.value
    short = blocked(own, game, rule, value, event.attributes)
    if short is not None:
        raise RefusedError("blocked", f"the user has too few points in {short!r} for this event")
    own_time = own["time"] == write_instant(at)
    day = course.now.day if own_time else local_date(at, course.now.tz)

    before = own.copy()
    total = total_entry(own, rule, value, event.attributes, day)
    course.conclude([total])
    streaks = count(own, game, rule.key, value, day, course.now)
    course.conclude(streaks)
    length = length_of(streaks, game)
    completed = completed_by_metric(own, rule, event.attributes)
    course.conclude(completed)
    if length is not None:
        by_streak = completed_by_streak(own, game, length)
        course.conclude(by_streak)
        completed = completed + by_streak
    if completed:
        by_others = completed_by_others(own, game, completed)
        course.conclude(by_others)
        completed = completed + by_others
    effects = Effects(
        event.user.id, total["day"], rule.key, event.attributes, length, keys_of(completed)
    )
    course.conclude(awards(before, own, game, effects))
    return course.verdict(rule.key)


def admit(event: MetricEvent, appended: datetime, game: Game) -> MetricRule:
    """Return the rule of the event's metric; RefusedError for what the game does not know."""
    rule = game.metrics.get(event.metric)
    if rule is None:
        known = ", ".join(sorted(game.metrics)) or "none"
        raise RefusedError("not_found", f"there is no metric {event.metric!r} (known: {known})")
    if event.attributes:
        check_attributes("event", event.attributes, game.event_attributes)
    if event.user.attributes:
        check_attributes("user", event.user.attributes, game.user_attributes)
    if event.occurredAt is not None and event.occurredAt > appended + FUTURE_MAX:
        raise RefusedError("invalid", future("occurredAt"))
    return rule
