"""The rules of the game a second time: plain, slow and obvious.

The tests play the same inputs here and in the engine and compare what comes out. This folder is
therefore written from the description of the rules alone. It may not import anything of the
engine, nor any helper that the engine uses: only the standard library and its own files. Where
speed and plainness disagree, plainness wins.

Left out so far: leaderboards, and all that is of a partition and not of a user.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Final

from reference.achievements import complete, complete_by_event, complete_by_past
from reference.achievements import complete_composites as complete_composites_of
from reference.checking import Given, RefusedError, check, check_upsert, find_metric, value_of
from reference.exact import add, to_decimal
from reference.passing import change_zone, pass_time
from reference.people import Award, Deed, LevelChange, Outcome, StreakAfter, User, matches, step
from reference.periods import FREQUENCIES
from reference.points import award, award_creation, award_points, refuse_if_out_of_points, take_back
from reference.rules import LONG_AGO, Counted, Rules, find, is_for
from reference.streaks import Pause, Streak
from reference.turn import NothingToDoError, Turn, day_of

__all__ = ["Award", "Game", "LevelChange", "StreakAfter"]


class Game:
    """A game and all of its users."""

    def __init__(self, definitions: dict, at: datetime = LONG_AGO) -> None:
        """Begin with the first version of the definitions."""
        self.rules = Rules(definitions, at)
        self.users: dict[tuple[str, str], User] = {}

    def define(self, definitions: dict, at: datetime) -> None:
        """Put the next version of the definitions in force, which was made at an instant."""
        self.rules = Rules(definitions, at, self.rules)

    def play(self, told: dict, appended: datetime) -> Outcome:
        """Play the next input of the log; `appended` is when it got there."""
        try:
            given = check(told, appended, self.rules.definitions)
            before = self.users.get((given.tenant, given.user))
            turn = Turn(self.rules, before.copy() if before else self._new_user(given), given)
            if before is not None and given.key and (given.scope, given.key) in before.keys:
                raise NothingToDoError  # noqa: TRY301  caught with those of the kinds
            if before is None and given.kind not in CREATING:
                raise RefusedError("not_found", "User does not exist")  # noqa: TRY301  likewise
            PLAY[given.kind](turn, created=before is None)
        except RefusedError as refused:
            return Outcome("refused", code=refused.code, reason=str(refused))
        except NothingToDoError:
            assert before is not None
            replay = Turn(self.rules, before.copy(), given, Outcome("replayed"))
            replay.look()
            return replay.outcome
        self.users[given.tenant, given.user] = turn.user
        return turn.finish(before)

    def wait(self, tenant: str, user: str, until: datetime) -> Outcome:
        """What time alone would bring about up to an instant; nothing is changed by asking."""
        given = Given(tenant, "due", user, {}, until, None, {})
        turn = Turn(self.rules, self.users[tenant, user].copy(), given)
        pass_time(turn, until)
        return turn.finish(self.users[tenant, user])

    def streak_length_at(self, tenant: str, user: str, instant: datetime) -> int:
        """The length of the configured streak to show at an instant, 0 once it has expired."""
        return self.wait(tenant, user, instant).streak.length

    def _new_user(self, given: Given) -> User:
        week_start = self.rules.week_start
        return User(
            id=given.user,
            now=given.at,
            created=given.at,
            known=self.rules.number,
            streaks={frequency: Streak(frequency, week_start) for frequency in FREQUENCIES},
        )


# What kinds of input do


def _event(turn: Turn, *, created: bool) -> None:
    _arrive(turn, created=created)
    told = turn.given.told
    metric = find_metric(told["metric"], turn.rules.definitions)
    value = value_of(told, metric)
    deed = Deed(metric["key"], value, told.get("attributes") or {}, turn.rules.number)
    moved = _moves(turn, deed)
    turn.moved = moved
    refuse_if_out_of_points(turn)
    _count(turn, deed)
    complete_by_event(turn)
    award_points(turn)


def _identification(turn: Turn, *, created: bool) -> None:
    _arrive(turn, created=created)


def _completion(turn: Turn, *, created: bool) -> None:
    achievement = find(turn.rules.achievements, turn.given.told["achievement"])
    if achievement is None or achievement["trigger"] != "api":
        raise RefusedError("not_found", "no such achievement")
    status = achievement.get("status", "active")
    if status == "inactive":
        raise RefusedError("invalid", "the achievement is inactive")
    if achievement["key"] in turn.user.achievements:
        raise NothingToDoError
    if status == "locked":
        raise RefusedError("invalid", "the achievement is locked")
    check_upsert(turn.given.upsert, turn.rules.definitions)
    _arrive(turn, created=created)
    if not is_for(achievement, turn.user.attributes):
        raise RefusedError("invalid", "the achievement is for others")
    complete(turn, achievement)
    complete_composites_of(turn)
    award_points(turn)


def _due(turn: Turn, *, created: bool) -> None:
    _arrive(turn, created=created)


def _adjustment(turn: Turn, *, created: bool) -> None:
    _arrive(turn, created=created)
    system = find(turn.rules.systems, turn.given.told["system"])
    if system is None:
        raise RefusedError("not_found", "no such points system")
    before = len(turn.outcome.awards)
    award(turn, system, None, turn.given.told["points"], day_of(turn))
    if len(turn.outcome.awards) == before:
        raise RefusedError("invalid", "nothing to grant or deduct")


def _correction(turn: Turn, *, created: bool) -> None:
    _arrive(turn, created=created)
    told = turn.given.told
    metric = find_metric(told["metric"], turn.rules.definitions)["key"]
    counts = turn.user.corrected.get(told["event"], to_decimal(told["was"]))
    wanted = to_decimal(0 if told.get("value") is None else told["value"])
    if counts == wanted:
        raise NothingToDoError
    turn.user.corrected[told["event"]] = wanted
    change = add(wanted, -counts)
    attributes = told.get("attributes") or {}
    deed = Deed(metric, change, attributes, turn.rules.number, correction=True)
    turn.moved = _moves(turn, deed)
    _count(turn, deed)
    complete_by_event(turn)
    take_back(turn)
    award_points(turn)


def _freeze(turn: Turn, *, created: bool) -> None:
    _arrive(turn, created=created)
    if turn.user.freezes >= turn.rules.max_freezes:
        raise RefusedError("invalid", "Would exceed maximum freeze limit")
    turn.tell_freezes("granted", 1, turn.today)


def _pause(turn: Turn, *, created: bool) -> None:
    _arrive(turn, created=created)
    told = turn.given.told
    pause = Pause(told["id"], date.fromisoformat(told["start"]), date.fromisoformat(told["end"]))
    if any(known.id == pause.id for known in turn.user.pauses):
        raise NothingToDoError
    if pause.start < turn.today or pause.end < pause.start:
        raise RefusedError("invalid", "a pause begins today or later, and ends after that")
    turn.user.pauses.append(pause)


def _pause_removal(turn: Turn, *, created: bool) -> None:
    _arrive(turn, created=created)
    left = [pause for pause in turn.user.pauses if pause.id != turn.given.told["id"]]
    if len(left) == len(turn.user.pauses):
        raise NothingToDoError
    turn.user.pauses = left


def _restore(turn: Turn, *, created: bool) -> None:
    _arrive(turn, created=created)
    # A streak that is off is off.
    if not turn.conditions.thresholds or not turn.streak.restorable(turn.today):
        raise RefusedError("invalid", "No streak to restore")
    for streak in turn.user.streaks.values():
        lost = streak.restorable(turn.today)
        if lost is not None:
            turn.tell_streaks([streak.restore(lost, turn.today, turn.zone)])


def _preferences(turn: Turn, *, created: bool) -> None:
    _arrive(turn, created=created)
    wanted = {name: it for name, it in turn.given.told["streak"].items() if it is not None}
    if set(wanted) - {"enabled"} and not turn.rules.personal:
        raise RefusedError("invalid", "users have no conditions of their own")
    for line in wanted.get("metrics", []):
        if find(turn.rules.definitions["metrics"], line["metric"]) is None:
            raise RefusedError("invalid", "unknown metric")
    if turn.user.preferences | wanted == turn.user.preferences:
        raise NothingToDoError
    turn.user.preferences = turn.user.preferences | wanted
    if not turn.user.preferences.get("enabled", True):
        for streak in turn.user.streaks.values():
            if streak.length:
                turn.tell_streaks([streak.lose(streak.period_of(turn.today))])


def _backfill(turn: Turn, *, created: bool) -> None:
    _arrive(turn, created=created)
    # The past itself need not be told here: every deed is remembered.
    if turn.given.told["version"] <= turn.user.known:
        raise NothingToDoError
    turn.user.known = turn.given.told["version"]
    complete_by_past(turn)
    award_points(turn)


# By the kind of input. Only some kinds make a user who is not known.
CREATING: Final = ("metric", "user", "achievement")
PLAY: Final[dict[str, Callable]] = {
    "metric": _event,
    "user": _identification,
    "achievement": _completion,
    "due": _due,
    "adjustment": _adjustment,
    "correction": _correction,
    "freeze": _freeze,
    "pause": _pause,
    "pause_removal": _pause_removal,
    "restore": _restore,
    "preferences": _preferences,
    "backfill": _backfill,
}


# What several kinds have in common


def _arrive(turn: Turn, *, created: bool) -> None:
    """Let time pass up to the input, and take what it says of its user."""
    user = turn.user
    if not created:
        # Periods that are over are concluded in the zone the user had until this input.
        pass_time(turn, turn.given.at)
    old_zone = turn.zone
    _upsert(user, turn.given.upsert)
    if not created:
        change_zone(turn, old_zone)
        return
    user.born = turn.today
    turn.tell_freezes("granted", turn.rules.streak.get("initialFreezes") or 0, user.born)
    award_creation(turn)


def _upsert(user: User, supplied: dict) -> None:
    for name, value in supplied.items():
        if name == "tz":
            user.tz = value
        elif name == "attributes":
            _merge(user.attributes, value or {})
        else:
            user.profile[name] = value


def _merge(attributes: dict[str, str], supplied: dict[str, str | None]) -> None:
    for key, value in supplied.items():
        if value is None or value == "":
            attributes.pop(key, None)
        else:
            attributes[key] = value


def _moves(turn: Turn, deed: Deed) -> dict[Counted, tuple]:
    """What a deed would do to all that is counted."""
    moved = {}
    for what, since in turn.rules.since.items():
        if matches(deed, what):
            # Until the past is known, counting begins with the version that asked for it.
            first = since if since > turn.user.known else 0
            total, peak = turn.user.measure(what, first)
            moved[what] = (peak, *step(total, peak, deed))
    return moved


def _count(turn: Turn, deed: Deed) -> None:
    turn.deed = deed
    turn.outcome.day = day_of(turn)
    turn.user.deeds += (deed,)
    for streak in turn.user.streaks.values():
        changes = streak.count(
            deed.metric, deed.value, day_of(turn), turn.user.now, turn.zone, turn.conditions
        )
        turn.tell_streaks(changes)
