"""From the ledger's record on an event to the answer of its POST. Pure, and shapes nothing else.

What the answer says follows from that one record and the definitions that it was judged by, never
from a projection; only when no record has come in time do rows stand in for it (`pending`).
"""

from typing import Any, Final

from gateway.errors import ApiError
from projections import answers
from schemas.definitions import id_of
from schemas.entries import AchievementEntry, LevelEntry, PointsEntry, StreakEntry
from schemas.records import Record, event_id_of, time_text
from schemas.streak_state import StreakState
from schemas.versions import Version

Answer = dict[str, Any]

# Refusals by their code (schemas.records.RefusalCode).
STATUS: Final = {"not_found": 404, "invalid": 422, "blocked": 422}


def refusal(record: Record) -> ApiError | None:
    """Return the error that a record stands for, None when the event counts or counted before."""
    if record.outcome not in ("refused", "dead"):
        return None
    return ApiError(STATUS[record.code or "invalid"], record.reason or "The event was refused.")


def event_response(
    version: Version,
    record: Record,
    metric: str,
    key: str | None,
    fallback: tuple[float, StreakState] | None = None,
) -> Answer:
    """Return the EventResponse for an applied or a replayed record.

    `key` is the idempotency key that the request had. `fallback` stands in for the state of a
    record that has none. A replay has no effects and bears the first event's id (OD-3).
    """
    replayed = record.outcome == "replayed"
    state = record.state
    if state is not None and state.total is not None:
        total, streak = float(state.total), state.streak
    else:
        assert fallback is not None, "a record without state needs the projection's word"
        total, streak = fallback
    return {
        "eventId": (record.first if replayed else None) or event_id_of(record),
        "metricId": id_of(version.tenant, "metrics", metric),
        "total": total,
        "achievements": [] if replayed else _achievements(version, record),
        "currentStreak": {
            **answers.base_streak(streak, version.definitions.streak),
            "extended": not replayed and _extended(record, streak),
        },
        "points": {} if replayed else points(version, record),
        "leaderboards": {},
        **_key(key, replayed=replayed),
    }


def pending(
    version: Version, event_id: str, metric: str, key: str | None, now: tuple[float, StreakState]
) -> Answer:
    """Return a whole EventResponse for an event that the broker has and nobody has judged yet.

    `now` is the total and the streak as the projection knows them: without this event.
    """
    total, streak = now
    return {
        "eventId": event_id,
        "metricId": id_of(version.tenant, "metrics", metric),
        "total": total,
        "achievements": [],
        "currentStreak": {
            **answers.base_streak(streak, version.definitions.streak),
            "extended": False,
        },
        "points": {},
        "leaderboards": {},
        **_key(key, replayed=False),
    }


def nothing(version: Version) -> tuple[float, StreakState]:
    """Return the total and the streak of somebody of whom nothing is known."""
    return 0.0, StreakState(version.definitions.streak.frequency, 0)


def _key(key: str | None, *, replayed: bool) -> Answer:
    return {} if key is None else {"idempotencyKey": key, "idempotentReplayed": replayed}


def _achievements(version: Version, record: Record) -> list[Answer]:
    return [
        answers.user_achievement(version, entry.achievement, time_text(record))
        for entry in record.entries
        if isinstance(entry, AchievementEntry) and not entry.quiet
    ]


def _extended(record: Record, streak: StreakState) -> bool:
    return any(
        isinstance(entry, StreakEntry)
        and entry.frequency == streak.frequency
        and entry.change in ("started", "extended")
        for entry in record.entries
    )


def points(version: Version, record: Record) -> Answer:
    """Return the systems that an input affected, and of each its level only when that changed.

    What time itself awarded on the way to the input is none of its effects.
    """
    awards: dict[str, list[tuple[int, PointsEntry]]] = {}
    changed: dict[str, Answer | None] = {}
    for index, entry in enumerate(record.entries):
        if isinstance(entry, PointsEntry) and entry.at is None:
            awards.setdefault(entry.system, []).append((index, entry))
        elif isinstance(entry, LevelEntry):
            changed[entry.system] = answers.level(version, entry.system, entry.after)
    event, at = event_id_of(record), time_text(record)
    found = {}
    for system, given in awards.items():
        found[system] = {
            **answers.points_system(version, system),
            "total": given[-1][1].total,
            **({"level": changed[system]} if system in changed else {}),
            "added": sum(entry.awarded for _, entry in given),
            "awards": [
                answers.award(
                    version,
                    system,
                    entry.trigger,
                    id=f"{event}:{index}",
                    awarded=entry.awarded,
                    total=entry.total,
                    at=at,
                    boosts=entry.boosts,
                )
                for index, entry in given
            ],
        }
    return found
