"""What inputs other than metric events mean: each concluded by the rules in the files beside.

Requests of users (completions, preferences), of operators (adjustments, corrections, freezes,
pauses, restoring), of the clock, and of the backfill.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from processor.rules import freezes, pauses, preferences
from processor.rules.achievements import (
    completed_by_metric,
    completed_by_others,
    completed_by_past,
    completed_by_streak,
)
from processor.rules.corrections import lowered_peaks, taken_back
from processor.rules.course import (
    Course,
    NothingToDoError,
    RefusedError,
    Verdict,
    check_attributes,
    keys_of,
    length_of,
)
from processor.rules.game import Game, matches
from processor.rules.points import Effects, award, awards
from processor.rules.restore import restored
from processor.rules.standing import Standing
from processor.rules.streaks import count
from processor.rules.totals import merged_series, total_entry
from schemas.codec import write_instant
from schemas.entries import AchievementEntry, CorrectionEntry, Entry
from schemas.events import (
    AchievementCompletion,
    Adjustment,
    Backfill,
    Correction,
    Due,
    EventUser,
    FreezeGrant,
    Identification,
    PauseAddition,
    PauseRemoval,
    Preferences,
    StreakRestoration,
)
from schemas.numbers import ZERO, add, write
from schemas.periods import local_date


def decide_identification(
    standing: Standing | None, given: Identification, at: datetime, game: Game
) -> Verdict:
    """Judge that a user is known, or known otherwise."""
    return _arrived(standing, given.user, at, game).verdict()


def _arrived(standing: Standing | None, user: EventUser, at: datetime, game: Game) -> Course:
    """Bring a user, who may be new, up to an input that says something of them."""
    if user.attributes:
        check_attributes("user", user.attributes, game.user_attributes)
    course = Course(standing, write_instant(at), user.id, game)
    course.roll()
    course.know(user, at)
    return course


def decide_completion(
    standing: Standing | None, given: AchievementCompletion, at: datetime, game: Game
) -> Verdict:
    """Judge that an achievement of trigger api is completed; again is nothing (OD-10)."""
    goal = game.api_goals.get(given.achievement)
    if goal is None or goal.status == "inactive":
        known = ", ".join(sorted(game.api_goals)) or "none"
        reason = (
            f"no achievement {given.achievement!r} can be completed by request (known: {known})"
        )
        raise RefusedError("not_found" if goal is None else "invalid", reason)
    if standing is not None and goal.key in standing["achievements"]:
        raise NothingToDoError
    if goal.status != "active":
        raise RefusedError("invalid", f"the achievement {goal.key!r} is {goal.status}")
    course = _arrived(standing, given.user, at, game)
    if not matches(goal.user, course.standing["attributes"]):
        reason = f"the achievement {goal.key!r} is for users with other attributes"
        raise RefusedError("invalid", reason)
    completed: list[AchievementEntry] = [{"kind": "achievement", "achievement": goal.key}]
    return _completed(course, completed)


def _completed(
    course: Course, completed: list[AchievementEntry], *, quiet: bool = False
) -> Verdict:
    """Conclude achievements that no event has completed, and what they award."""
    own, game = course.standing, course.game
    found = completed + completed_by_others(own, game, completed)
    effects = Effects(course.user, course.now.text, "", {}, None, keys_of(found))
    awarded: list[Entry] = []
    if found:
        awarded = awards(own, own, game, effects)
    if quiet:
        for entry in (*found, *awarded):
            if entry["kind"] == "achievement" or entry["kind"] == "points":
                entry["quiet"] = True
    course.conclude(found)
    course.conclude(awarded)
    return course.verdict(quiet=quiet)


def _decide_due(course: Course, given: Due) -> Verdict:
    assert course.before is not None
    due = course.before.get("due")
    if due is None or datetime.fromisoformat(due) > given.at:
        raise NothingToDoError
    return course.verdict()


def _decide_adjustment(course: Course, given: Adjustment) -> Verdict:
    system = next((it for it in course.game.systems if it.key == given.system), None)
    if system is None:
        known = ", ".join(it.key for it in course.game.systems) or "none"
        reason = f"there is no points system {given.system!r} (known: {known})"
        raise RefusedError("not_found", reason)
    balance = course.standing["points"].get(system.key)
    entry = award(system, None, given.points, balance)
    if entry is None:
        limit = "0" if given.points < 0 else f"its maximum, {system.cap}"
        raise RefusedError("invalid", f"the balance is at {limit} already")
    entry["reason"] = given.reason
    course.conclude([entry])
    return course.verdict()


def _decide_correction(course: Course, given: Correction) -> Verdict:
    own, game = course.standing, course.game
    rule = game.metrics.get(given.metric)
    if rule is None:
        raise RefusedError("not_found", f"there is no metric {given.metric!r} any more")
    value = given.was if course.corrected is None else course.corrected
    wanted = ZERO if given.value is None else given.value
    if wanted == value:
        raise NothingToDoError
    change = add(wanted, -value)
    entry: CorrectionEntry = {
        "kind": "correction",
        "event": given.event,
        "before": write(value),
        "after": write(wanted),
        "reason": given.reason,
    }
    course.conclude([entry])
    day = given.day or local_date(given.at, course.now.tz)
    before = own.copy()
    total = total_entry(own, rule, change, given.attributes, day)
    if change < 0:
        total["peaks"] = lowered_peaks(own, rule, total, change)
    course.conclude([total])
    streaks = count(own, game, rule.key, change, day, course.now)
    course.conclude(streaks)
    length = length_of(streaks, game)
    completed: list[AchievementEntry] = []
    if change > 0:
        completed += completed_by_metric(own, rule, given.attributes)
    if length is not None:
        completed += completed_by_streak(own, game, length)
    completed += completed_by_others(own, game, completed)
    course.conclude(completed)
    effects = Effects(
        course.user, total["day"], rule.key, given.attributes, length, keys_of(completed)
    )
    back = taken_back(before, own, game, effects) if change < 0 else []
    course.conclude(back)
    given_now = awards(before, own, game, effects)
    for it in (*back, *given_now):
        if it["kind"] == "points":
            it["reason"] = given.reason
    course.conclude(given_now)
    return course.verdict(rule.key)


def _decide_backfill(course: Course, given: Backfill) -> Verdict:
    own = course.standing
    if own.get("known", 1) >= given.version:
        raise NothingToDoError
    series = merged_series(own, course.game, given)
    course.conclude([{"kind": "backfill", "version": given.version, "series": series}])
    return _completed(course, completed_by_past(own, course.game), quiet=True)


def _decide_freeze(course: Course, _given: FreezeGrant) -> Verdict:
    granted = freezes.granted(course.standing, course.game, course.now.day)
    if granted is None:
        raise RefusedError("invalid", "Would exceed maximum freeze limit")
    course.conclude([granted])
    return course.verdict()


def _decide_pause(course: Course, given: PauseAddition) -> Verdict:
    if any(it["id"] == given.id for it in course.standing.get("pauses", ())):
        raise NothingToDoError
    problem = pauses.problem(course.standing, given, course.now)
    if problem is not None:
        raise RefusedError("invalid", problem)
    course.conclude([pauses.added(course.standing, given, course.now)])
    return course.verdict()


def _decide_pause_removal(course: Course, given: PauseRemoval) -> Verdict:
    removed = pauses.removed(course.standing, given.id)
    if removed is None:
        raise NothingToDoError
    course.conclude([removed])
    return course.verdict()


def _decide_restoration(course: Course, _given: StreakRestoration) -> Verdict:
    found = restored(course.standing, course.game, course.now)
    if not found:
        raise RefusedError("invalid", "No streak to restore")
    course.conclude(found)
    return course.verdict()


def _decide_preferences(course: Course, given: Preferences) -> Verdict:
    problem = preferences.problem(given.streak, course.game)
    if problem is not None:
        raise RefusedError("invalid", problem)
    found = preferences.changed(course.standing, given.streak)
    if not found:
        raise NothingToDoError
    course.conclude(found)
    return course.verdict()


# By the type of the input; each is of a user who is known, and time has gone on.
OF_KNOWN: Final[dict[type, Callable[[Course, Any], Verdict]]] = {
    Due: _decide_due,
    Adjustment: _decide_adjustment,
    Correction: _decide_correction,
    FreezeGrant: _decide_freeze,
    PauseAddition: _decide_pause,
    PauseRemoval: _decide_pause_removal,
    StreakRestoration: _decide_restoration,
    Preferences: _decide_preferences,
    Backfill: _decide_backfill,
}
