"""The rules of the game a second time: plain, slow and obvious.

The tests play the same events here and in the engine and compare what comes out. This file is
therefore written from the description of the rules alone. It may not import anything of the
engine, nor any helper that the engine uses: only the standard library and the other files of
this folder. Where speed and plainness disagree, plainness wins.

Left out so far: freezes, pauses and restores; boosts; time triggers; achievements of the types
api and achievement; blockIfOutOfPoints; preferences; leaderboards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reference.checking import Checked, RefusedError, check
from reference.exact import add, multiples, to_decimal
from reference.periods import FREQUENCIES, load_zone
from reference.streaks import Conditions, Streak

# A metric and the event attributes it is narrowed to, if any, as a hashable thing.
Counted = tuple[str, frozenset]


class Award(NamedTuple):
    """A row of the ledger; the total is the balance of the system after it."""

    system: str
    trigger: str
    awarded: int
    total: int


class LevelChange(NamedTuple):
    """Levels are named by their keys; None is no level."""

    system: str
    before: str | None
    after: str | None


class StreakAfter(NamedTuple):
    """The streak of the configured frequency, and whether the event started or lengthened it."""

    length: int
    extended: bool


NO_STREAK = StreakAfter(0, extended=False)


@dataclass
class Outcome:
    """What came of an event: "applied", "replayed" or "refused"."""

    status: str
    reason: str | None = None
    achievements: list[str] = field(default_factory=list)
    awards: list[Award] = field(default_factory=list)
    levels: list[LevelChange] = field(default_factory=list)
    streak: StreakAfter = NO_STREAK
    # The user's total of the event's metric; None only if the event was refused.
    total: Decimal | None = None


@dataclass
class User:
    """Everything the game remembers of one user."""

    # The user's time: the latest instant seen.
    now: datetime
    streaks: dict[str, Streak]
    tz: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    # Other fields of the user, such as the name, as last supplied.
    profile: dict = field(default_factory=dict)
    totals: dict[str, Decimal] = field(default_factory=dict)
    # Running totals of matching events, and the highest they ever were, by what is counted.
    subtotals: dict[Counted, Decimal] = field(default_factory=dict)
    peaks: dict[Counted, Decimal] = field(default_factory=dict)
    achievements: dict[str, datetime] = field(default_factory=dict)
    # Balances; a system is missing until its first award row.
    points: dict[str, int] = field(default_factory=dict)
    awards: list[Award] = field(default_factory=list)
    # Every system is in here, with None for no level.
    levels: dict[str, str | None] = field(default_factory=dict)
    keys: set[tuple[str, str]] = field(default_factory=set)


@dataclass
class Step:
    """What one event has brought about up to now, while it is being applied."""

    event: Checked
    outcome: Outcome
    # What the event counts towards: its total and the filtered subtotals it matches, each with
    # the values (peak before, total after).
    moved: dict[Counted, tuple[Decimal, Decimal]] = field(default_factory=dict)


class Game:
    """A game with fixed rules, and all of its users."""

    def __init__(self, definitions: dict) -> None:
        self.definitions = definitions
        self.settings = definitions.get("settings") or {}
        self.streak = definitions.get("streak") or {}
        self.achievements = _active(definitions.get("achievements"))
        self.systems = definitions.get("points") or []
        self.frequency = self.streak.get("frequency", "daily")
        self.conditions = self._read_conditions()
        self.filters = self._collect_filters()
        self.users: dict[tuple[str, str], User] = {}

    def play(self, event: dict, appended: datetime) -> Outcome:
        """Play the next event of the log; `appended` is when it got there."""
        try:
            checked = check(event, appended, self.definitions)
        except RefusedError as refused:
            return Outcome("refused", reason=str(refused))
        user = self.users.get((checked.tenant, checked.user))
        if user is not None and (checked.metric, checked.key) in user.keys:
            return self._replayed(user, checked)
        return self._apply(user, checked)

    def streak_length_at(self, tenant: str, user_id: str, instant: datetime) -> int:
        """The length of the configured streak to show at an instant, 0 once it has expired."""
        user = self.users[tenant, user_id]
        return user.streaks[self.frequency].length_at(instant, self._zone(user))

    # Definitions

    def _read_conditions(self) -> Conditions:
        metrics = self.streak.get("metrics") or []
        if not self.streak.get("enabled", True):
            metrics = []
        return Conditions(
            tuple((line["metric"], to_decimal(line.get("threshold", 1))) for line in metrics),
            self.streak.get("evaluationMode", "OR") == "AND",
        )

    def _collect_filters(self) -> set[Counted]:
        """All that has to be counted, filtered or not, for achievements and triggers."""
        triggers = [trigger for system in self.systems for trigger in _active_triggers(system)]
        wanted = [rule for rule in self.achievements if rule["trigger"] == "metric"]
        wanted += [rule for rule in triggers if rule["type"] == "metric"]
        return {_counted(rule) for rule in wanted}

    def _zone(self, user: User) -> ZoneInfo:
        return load_zone(user.tz or self.settings.get("defaultTimeZone", "UTC"))

    # Playing an event

    def _replayed(self, user: User, event: Checked) -> Outcome:
        streak = StreakAfter(user.streaks[self.frequency].length, extended=False)
        total = user.totals[event.metric]
        return Outcome("replayed", streak=streak, total=total)

    def _apply(self, user: User | None, event: Checked) -> Outcome:
        created = user is None
        if user is None:
            user = self._create_user(event)
        step = Step(event, Outcome("applied"))
        levels_before = dict(user.levels)
        self._let_time_pass_and_upsert(user, event)
        if created:
            self._award_creation(user, step)
        self._count(user, step)
        self._count_for_streaks(user, step)
        self._complete_achievements(user, step)
        self._award_points(user, step)
        self._change_levels(user, step, levels_before)
        if event.key is not None:
            user.keys.add((event.metric, event.key))
        return step.outcome

    def _create_user(self, event: Checked) -> User:
        week_start = self.settings.get("weekStart", "monday")
        user = User(
            now=event.at,
            streaks={frequency: Streak(frequency, week_start) for frequency in FREQUENCIES},
            levels={system["key"]: None for system in self.systems},
        )
        self.users[event.tenant, event.user] = user
        return user

    def _let_time_pass_and_upsert(self, user: User, event: Checked) -> None:
        user.now = max(user.now, event.at)
        # Periods that are over are concluded in the zone the user had until this event.
        old_zone = self._zone(user)
        for streak in user.streaks.values():
            streak.conclude(user.now, old_zone)
        _upsert(user, event.upsert)
        new_zone = self._zone(user)
        if new_zone.key != old_zone.key:
            for streak in user.streaks.values():
                streak.change_zone(user.now, new_zone)

    def _count(self, user: User, step: Step) -> None:
        event = step.event
        before = user.totals.get(event.metric, Decimal(0))
        user.totals[event.metric] = step.outcome.total = add(before, event.value)
        for counted in self.filters:
            metric, wanted = counted
            if metric == event.metric and wanted <= set(event.attributes.items()):
                total = add(user.subtotals.get(counted, Decimal(0)), event.value)
                peak = user.peaks.get(counted, Decimal(0))
                user.subtotals[counted] = total
                user.peaks[counted] = max(peak, total)
                step.moved[counted] = (peak, total)

    def _count_for_streaks(self, user: User, step: Step) -> None:
        event, zone = step.event, self._zone(user)
        extended = {
            frequency: streak.count(event, user.now, zone, self.conditions)
            for frequency, streak in user.streaks.items()
        }
        length = user.streaks[self.frequency].length
        step.outcome.streak = StreakAfter(length, extended[self.frequency])

    def _complete_achievements(self, user: User, step: Step) -> None:
        for kind, earned in (("metric", _earned_by_metric), ("streak", _earned_by_streak)):
            for achievement in self.achievements:
                if achievement["trigger"] != kind or achievement["key"] in user.achievements:
                    continue
                if _is_for(achievement, user) and earned(achievement, step):
                    user.achievements[achievement["key"]] = step.event.at
                    step.outcome.achievements.append(achievement["key"])

    def _award_creation(self, user: User, step: Step) -> None:
        for system in self.systems:
            for trigger in _active_triggers(system):
                if trigger["type"] == "user_creation" and _is_for(trigger, user):
                    _award(user, step, system, trigger, trigger["points"])

    def _award_points(self, user: User, step: Step) -> None:
        for system in self.systems:
            for trigger in _active_triggers(system):
                if _is_for(trigger, user):
                    times = _times_triggered(trigger, step)
                    _award(user, step, system, trigger, times * trigger["points"])

    def _change_levels(self, user: User, step: Step, before: dict[str, str | None]) -> None:
        for system in self.systems:
            key = system["key"]
            user.levels[key] = _level(system, user.points.get(key))
            if user.levels[key] != before[key]:
                step.outcome.levels.append(LevelChange(key, before[key], user.levels[key]))


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


def _active(rules: list[dict] | None) -> list[dict]:
    # In a definition file, a status that is left out means active.
    return [rule for rule in rules or [] if rule.get("status", "active") == "active"]


def _active_triggers(system: dict) -> list[dict]:
    return _active(system.get("triggers"))


def _counted(rule: dict) -> Counted:
    """What a metric achievement or metric trigger counts."""
    return rule["metric"], frozenset((rule.get("eventAttributes") or {}).items())


def _is_for(rule: dict, user: User) -> bool:
    """Whether the user has every attribute that the rule asks for."""
    wanted = rule.get("userAttributes") or {}
    return all(user.attributes.get(key) == value for key, value in wanted.items())


def _earned_by_metric(achievement: dict, step: Step) -> bool:
    if _counted(achievement) not in step.moved:
        return False
    _, total = step.moved[_counted(achievement)]
    return total >= to_decimal(achievement["metricValue"])


def _earned_by_streak(achievement: dict, step: Step) -> bool:
    streak = step.outcome.streak
    return streak.extended and streak.length >= achievement["streakLength"]


def _times_triggered(trigger: dict, step: Step) -> int:
    """How often this event fires the trigger; creation triggers had their turn before."""
    if trigger["type"] == "metric":
        return _multiples_crossed(trigger, step)
    if trigger["type"] == "streak":
        streak = step.outcome.streak
        return int(streak.extended and streak.length % trigger["streakLength"] == 0)
    if trigger["type"] == "achievement":
        return int(trigger["achievement"] in step.outcome.achievements)
    return 0


def _multiples_crossed(trigger: dict, step: Step) -> int:
    if _counted(trigger) not in step.moved:
        return 0
    peak, total = step.moved[_counted(trigger)]
    threshold = to_decimal(trigger["metricThreshold"])
    return max(multiples(total, threshold) - multiples(peak, threshold), 0)


def _award(user: User, step: Step, system: dict, trigger: dict, points: int) -> None:
    """Write an award into the ledger, as far as cap and floor leave anything of it."""
    balance = user.points.get(system["key"], 0)
    total = max(balance + points, 0)
    if system.get("maxPoints") is not None:
        total = min(total, system["maxPoints"])
    if total == balance:
        return
    row = Award(system["key"], trigger["key"], total - balance, total)
    user.points[system["key"]] = total
    user.awards.append(row)
    step.outcome.awards.append(row)


def _level(system: dict, balance: int | None) -> str | None:
    """The highest level reached; a balance of None says that there is no award row yet."""
    if balance is None:
        return None
    reached = [level for level in system.get("levels") or [] if level["points"] <= balance]
    return max(reached, key=lambda level: level["points"])["key"] if reached else None
