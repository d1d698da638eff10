"""Streak pauses (semantics 6): local dates in which a streak is kept without activity (OD-16).

That a period was paused is concluded when it is over: see rolling.
"""

from typing import Final

from processor.rules.standing import Standing
from schemas.entries import Pause, PausesEntry
from schemas.events import PauseAddition
from schemas.periods import Today

PAUSES_MAX: Final = 100


def problem(standing: Standing, given: PauseAddition, today: Today) -> str | None:
    """Return why a pause cannot be added, None if it can."""
    if given.start < today.day:
        return f"start must not lie before the user's today, {today.text}"
    if given.end < given.start:
        return "end must not lie before start"
    if len(_open(standing, today)) >= PAUSES_MAX:
        return f"a user may have {PAUSES_MAX} pauses that are not over"
    return None


def added(standing: Standing, given: PauseAddition, today: Today) -> PausesEntry:
    """Return the pauses with one more. They may overlap."""
    pause: Pause = {
        "id": given.id,
        "start": given.start.isoformat(),
        "end": given.end.isoformat(),
    }
    pauses = sorted([*_open(standing, today), pause], key=_start)
    return {"kind": "pauses", "change": "added", "id": given.id, "pauses": pauses}


def removed(standing: Standing, pause: str) -> PausesEntry | None:
    """Return the pauses without one, None if there is no such."""
    known = standing.get("pauses", [])
    left = [it for it in known if it["id"] != pause]
    if len(left) == len(known):
        return None
    return {"kind": "pauses", "change": "removed", "id": pause, "pauses": left}


def _open(standing: Standing, today: Today) -> list[Pause]:
    # A month that is not over can still be kept by a pause within it, in any zone.
    return [
        it for it in standing.get("pauses", []) if it["end"] >= today.periods["monthly"].previous
    ]


def _start(pause: Pause) -> tuple[str, str, str]:
    return pause["start"], pause["end"], pause["id"]
