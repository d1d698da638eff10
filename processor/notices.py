"""From a ledger record to the notices for downstream services: pure, one notice per told effect."""

from collections.abc import Iterator
from typing import NamedTuple, assert_never

from schemas.entries import Entry, Record
from schemas.notices import (
    AchievementCompleted,
    LevelChanged,
    Notice,
    PointsAwarded,
    StreakChanged,
)
from schemas.topics import Topics, user_key


class Outgoing(NamedTuple):
    """A notice, where it goes and under which key."""

    topic: str
    key: bytes
    notice: Notice


def notices_of(record: Record, topics: Topics) -> Iterator[Outgoing]:
    """Return the notices of a record: none for what nobody is to be told of."""
    if record["outcome"] != "applied" or record["user"] is None:
        return
    key = user_key(record["tenant"], record["user"])
    for index, entry in enumerate(record["entries"]):
        notice: Notice = {
            "id": f"{record['id']}:{index}",
            "tenant": record["tenant"],
            "user": record["user"],
            "at": record["at"],
            "event": record["id"],
            "definitions": record["definitions"],
        }
        told = _tell(entry, notice, topics)
        if told is not None:
            yield Outgoing(told[0], key, told[1])


def _tell(entry: Entry, base: Notice, topics: Topics) -> tuple[str, Notice] | None:  # noqa: PLR0911  one return per kind of entry
    match entry["kind"]:
        case "points":
            points: PointsAwarded = {
                **base,
                "system": entry["system"],
                "trigger": entry["trigger"],
                "awarded": entry["awarded"],
                "total": entry["total"],
            }
            return topics.points_awarded, points
        case "level":
            level: LevelChanged = {
                **base,
                "system": entry["system"],
                "previousLevel": entry["before"],
                "newLevel": entry["after"],
                "total": entry["total"],
            }
            return topics.level_changed, level
        case "achievement":
            if entry.get("quiet"):
                return None
            completed: AchievementCompleted = {**base, "achievement": entry["achievement"]}
            return topics.achievement_completed, completed
        case "streak":
            if entry.get("quiet"):
                return None
            streak: StreakChanged = {
                **base,
                "frequency": entry["frequency"],
                "change": entry["change"],
                "length": entry["length"],
                "lost": entry.get("lost"),
            }
            return topics.streak_changed, streak
        case "user" | "total" | "progress" | "definitions":
            return None
        case _ as unknown:
            assert_never(unknown)
