"""Streak pauses: local dates in which a streak is kept without activity.

The rule: docs/reference/rules.md#pauses.

That a period was paused is concluded when it is over: see elapsed_time.
"""

from typing import Final

from processor.rules.decision import Decision
from processor.rules.left import Refused
from processor.rules.user_state import UserState
from schemas.calendar import Today
from schemas.entries import Pause, PausesEntry
from schemas.inputs import PauseAddition
from schemas.text import PauseId

PAUSES_MAX: Final = 100


def is_known(own: UserState, pause: PauseId) -> bool:
    """Tell whether a user has the pause of this id."""
    return any(it.id == pause for it in own.pauses)


def add(decision: Decision, given: PauseAddition) -> Refused | None:
    """Conclude the pauses with one more. They may overlap."""
    today, open_ = decision.now, _open(decision.own, decision.now)
    if given.start < today.day:
        reason = f"start must not lie before the user's today, {today.day.isoformat()}"
        return Refused("invalid", reason)
    if given.end < given.start:
        return Refused("invalid", "end must not lie before start")
    if len(open_) >= PAUSES_MAX:
        return Refused("invalid", f"a user may have {PAUSES_MAX} pauses that are not over")
    pauses = [*open_, Pause(given.id, given.start, given.end)]
    pauses.sort(key=lambda it: (it.start, it.end, it.id))
    decision.conclude(PausesEntry("added", given.id, pauses))
    decision.reschedules = True
    return None


def remove(decision: Decision, pause: PauseId) -> None:
    """Conclude the pauses without one."""
    left = [it for it in decision.own.pauses if it.id != pause]
    decision.conclude(PausesEntry("removed", pause, left))
    decision.reschedules = True


def _open(own: UserState, today: Today) -> list[Pause]:
    # A month that is not over can still be kept by a pause within it, in any zone.
    return [it for it in own.pauses if it.end >= today.periods["monthly"].previous]
