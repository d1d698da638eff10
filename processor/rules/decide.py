"""`decide`: what an input of one user means, rule after rule in one written order.

The rule: docs/reference/rules.md#order.

Idempotency keys have been looked up before; what is of a whole partition is not known here.
"""

from typing import Final

from processor.rules import (
    achievements,
    commands,
    elapsed_time,
    levels,
    points,
    streaks,
    totals,
    users,
)
from processor.rules.decision import Decision
from processor.rules.left import Refused, Unchanged
from processor.rules.ruleset import MetricPlan, Ruleset
from processor.rules.user_state import UserState
from schemas.inputs import (
    AchievementCompletion,
    Due,
    Identification,
    MetricEvent,
    UserInput,
)
from schemas.instants import SECOND, Micros, read_instant
from schemas.numbers import Number
from schemas.records import AnswerState
from schemas.text import InstantText, MetricKey

# How far an input may say that it happened after it was appended.
FUTURE_MAX: Final = 5 * 60 * SECOND


def event_time(given: UserInput, appended: Micros) -> Micros:
    """Return when an input happened: as it says itself where it does, else its append time.

    A correction happens when it is made, whenever the event was that it corrects.
    """
    text: InstantText | None = None
    if isinstance(given, (MetricEvent, AchievementCompletion)):
        text = given.occurredAt
    elif isinstance(given, Due):
        text = given.at
    return appended if text is None else read_instant(text)


def decide(
    own: UserState | None,
    given: UserInput,
    appended: Micros,
    rules: Ruleset,
    corrected: Number | None = None,
) -> Decision | Refused | Unchanged:
    """Judge one input of a user; `own` is None for one who is not known yet.

    `own` is changed in place: where no Decision is returned, or anything is raised, the caller has
    to take back what was changed. `corrected` is the value that the event of a correction has come
    to by earlier ones.
    """
    if isinstance(given, MetricEvent):
        return _event(own, given, appended, rules)
    at = event_time(given, appended)
    if at > appended + FUTURE_MAX:
        return _from_the_future("at" if isinstance(given, Due) else "occurredAt")
    if isinstance(given, AchievementCompletion):
        return _completion(own, given, at, rules)
    if isinstance(given, Identification):
        return _identification(own, given, at, rules)
    if own is None:
        return Refused("not_found", "User does not exist")
    decision = Decision(own, at, given.user, rules)
    left = commands.conclude(decision, given, corrected)
    return _closed(decision) if left is None else left


def admit(event: MetricEvent, appended: Micros, at: Micros, rules: Ruleset) -> MetricPlan | Refused:
    """Return the plan of the event's metric; a refusal of what the game does not know."""
    plan = rules.plans.get(event.metric)
    if plan is None:
        known = ", ".join(sorted(rules.plans)) or "none"
        return Refused("not_found", f"there is no metric {event.metric!r} (known: {known})")
    if not event.attributes.keys() <= rules.event_attributes:
        return users.unknown_attributes("event", event.attributes, rules.event_attributes)
    if not isinstance(event.user, str):
        refused = users.user_problem(event.user, rules)
        if refused is not None:
            return refused
    if at > appended + FUTURE_MAX:
        return _from_the_future("occurredAt")
    return plan


def _event(
    own: UserState | None, event: MetricEvent, appended: Micros, rules: Ruleset
) -> Decision | Refused:
    at = appended if event.occurredAt is None else read_instant(event.occurredAt)
    plan = admit(event, appended, at, rules)
    if isinstance(plan, Refused):
        return plan
    decision = Decision(own, at, event.user, rules)
    if not decision.created:
        elapsed_time.conclude(decision)
    if decision.created or not isinstance(event.user, str):
        refused = users.arrive(decision, event.user)
        if refused is not None:
            return refused
    value = plan.increment if event.value is None else event.value
    if plan.blocking:
        refused = points.blocked(decision, plan, value, event.attributes)
        if refused is not None:
            return refused
    if at != decision.own.time:
        # A late one: the user's time lies after it.
        decision.day = decision.calendar.today(at).day
    decision.conclude(totals.moved(decision, plan, value, event.attributes))
    streaks.count(decision, plan.metric, value)
    if plan.goals:
        achievements.by_metric(decision, plan)
    if decision.length is not None:
        achievements.by_streak(decision, decision.length)
    if decision.completed:
        achievements.by_others(decision)
    # Most events reach neither a streak length nor an achievement: their metric's triggers do.
    is_plain = decision.length is None and not decision.completed
    decision.plans = plan.plain if is_plain else plan.full
    refused = points.of_input(decision)
    return refused or _closed(decision)


def _completion(
    own: UserState | None, given: AchievementCompletion, at: Micros, rules: Ruleset
) -> Decision | Refused | Unchanged:
    problem = achievements.request_problem(own, given.achievement, rules)
    if problem is not None:
        return problem
    refused = users.user_problem(given.user, rules)
    if refused is not None:
        return refused
    decision = Decision(own, at, given.user, rules)
    if not decision.created:
        elapsed_time.conclude(decision)
    refused = users.arrive(decision, given.user) or achievements.by_request(
        decision, given.achievement
    )
    if refused is not None:
        return refused
    decision.plans = rules.general
    return points.of_input(decision) or _closed(decision)


def _identification(
    own: UserState | None, given: Identification, at: Micros, rules: Ruleset
) -> Decision | Refused:
    refused = users.user_problem(given.user, rules)
    if refused is not None:
        return refused
    decision = Decision(own, at, given.user, rules)
    if not decision.created:
        elapsed_time.conclude(decision)
    return users.arrive(decision, given.user) or _closed(decision)


def _closed(decision: Decision) -> Decision:
    """Close with the levels that follow, and with when time itself goes on."""
    if decision.balances:
        levels.follow(decision)
    due = decision.own.due
    if decision.reschedules or (due is not None and decision.own.time >= due):
        decision.conclude_due(elapsed_time.next_due(decision))
    return decision


def _from_the_future(field: str) -> Refused:
    minutes = FUTURE_MAX // (60 * SECOND)
    return Refused(
        "invalid",
        f"{field} is more than {minutes} minutes in the future: "
        "check the producer's clock and the offset",
    )


def answer_state(own: UserState, metric: MetricKey | None, rules: Ruleset) -> AnswerState:
    """Return what the answer to an input shows of a user; `metric` is that of an event."""
    now = rules.calendar_of(own.tz).today(own.time)
    streak = streaks.state_of(own, rules, now)
    return AnswerState(streak, None if metric is None else totals.total_of(own, metric))
