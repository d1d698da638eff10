"""Users as inputs tell of them: they come to be, move to another zone, get other attributes.

The rule: docs/reference/rules.md#users.
"""

from collections.abc import Iterable

from msgspec import UNSET

from processor.rules import freezes, points, streaks
from processor.rules.decision import Decision
from processor.rules.left import Refused
from processor.rules.ruleset import Ruleset
from schemas.entries import UserEntry
from schemas.inputs import EventUser
from schemas.text import AttributeKey, UserId


def arrive(decision: Decision, user: UserId | EventUser) -> Refused | None:
    """Conclude what an input tells of its user, who may be new."""
    entry = _entry(decision, user)
    if entry is None:
        return None
    before = decision.now
    tz = decision.own.tz if entry.tz is UNSET else entry.tz
    calendar = decision.rules.calendar_of(tz)
    has_moved = calendar is not decision.calendar
    if has_moved:
        decision.calendar = calendar
        decision.now = calendar.today(decision.own.time)
        decision.day = decision.now.day
    if decision.created:
        entry.day = decision.now.day
    decision.conclude(entry)
    decision.reschedules = True
    if decision.created:
        freezes.grant_initial(decision)
        return points.of_creation(decision)
    if has_moved:
        streaks.carry(decision)
        freezes.earn(decision, before.day, decision.now.day)
    return None


def _entry(decision: Decision, user: UserId | EventUser) -> UserEntry | None:
    """Return what is news of a user, None for nothing."""
    own = decision.own
    entry = UserEntry(decision.created)
    if decision.created:
        entry.known = max(1, decision.rules.version)
    if not isinstance(user, str):
        if user.tz is not UNSET and user.tz != own.tz:
            entry.tz = user.tz
        if user.attributes:
            # An empty text clears an attribute as null does.
            entry.attributes = {
                key: text or None
                for key, text in user.attributes.items()
                if (text or None) != own.attributes.get(key)
            }
    if decision.created or entry.tz is not UNSET or entry.attributes:
        return entry
    return None


def unknown_attributes(
    kind: str, given: Iterable[AttributeKey], known: frozenset[AttributeKey]
) -> Refused:
    """Return the refusal of attributes of an event or a user that the game does not know."""
    unknown = sorted(it for it in given if it not in known)
    choices = ", ".join(sorted(known)) or "none"
    return Refused(
        "invalid",
        f"Invalid attribute keys: {', '.join(unknown)}. "
        f"They are no {kind} attributes of this game (known: {choices}).",
    )


def user_problem(user: UserId | EventUser, rules: Ruleset) -> Refused | None:
    """Return why what an input tells of its user is refused, None if it is not."""
    if isinstance(user, str) or not user.attributes:
        return None
    if user.attributes.keys() <= rules.user_attributes:
        return None
    return unknown_attributes("user", user.attributes, rules.user_attributes)
