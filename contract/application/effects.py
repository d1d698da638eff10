"""What an input did to a user's points: the entries of its record, as an answer has them."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from contract.application.awards import Given, PointsAward, award
from contract.application.levels import PointsLevel, level
from contract.application.points import PointsResponse, points_system
from schemas.entries import LevelEntry, PointsEntry
from schemas.records import Record, event_id_of, time_text
from schemas.versions import Version


class LevelEffect(TypedDict):
    """What an input did to a user's level, if anything."""

    level: NotRequired[Annotated[PointsLevel | None, Field(description="Only if it changed.")]]


class MetricEventPointsResponse(PointsResponse, LevelEffect):
    """What an event did to a user's points in a system."""

    total: int
    added: int
    awards: list[PointsAward]


def points_effects(version: Version, record: Record) -> dict[str, MetricEventPointsResponse]:
    """Return the systems that an input affected, and of each its level only when that changed.

    What time itself awarded on the way to the input is none of its effects.
    """
    awards: dict[str, list[tuple[int, PointsEntry]]] = {}
    changed: dict[str, LevelEffect] = {}
    for index, entry in enumerate(record.entries):
        if isinstance(entry, PointsEntry) and entry.at is None:
            awards.setdefault(entry.system, []).append((index, entry))
        elif isinstance(entry, LevelEntry):
            changed[entry.system] = {"level": level(version, entry.system, entry.after)}
    event, at = event_id_of(record), time_text(record)
    found: dict[str, MetricEventPointsResponse] = {}
    for system, entries in awards.items():
        given = [
            Given(f"{event}:{index}", it.awarded, it.total, at, it.trigger, it.boosts)
            for index, it in entries
        ]
        unchanged: LevelEffect = {}
        found[system] = {
            **points_system(version, system),
            "total": given[-1].total,
            **changed.get(system, unchanged),
            "added": sum(it.awarded for it in given),
            "awards": [award(version, system, it) for it in given],
        }
    return found
