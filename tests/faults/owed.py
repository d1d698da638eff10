"""What everything behind the ledger owes for a record: notices, webhooks, dead letters."""

from __future__ import annotations

from faults.lines import Raw

from schemas.entries import (
    AchievementEntry,
    Entry,
    FreezesEntry,
    LevelEntry,
    PointsEntry,
    StreakEntry,
)
from schemas.inputs import RecordedDue
from schemas.records import Record, event_id_of
from schemas.topics import HEADER_ORIGIN, Topics


class Owed:
    """The ids of all that there must be, and of nothing else."""

    def __init__(self, topics: Topics) -> None:
        """Begin with nothing."""
        self._topics = topics
        # Topic -> ids of notices.
        self.notices: dict[str, set[str]] = {topic: set() for topic in topics.notices}
        self.deliveries: set[str] = set()
        self.letters: set[str] = set()

    def add(self, record: Record, raw: Raw) -> None:
        """Take a record that counts, and its event."""
        outcome, given = record.outcome, event_id_of(record)
        waits = dict(raw.headers).get(HEADER_ORIGIN) == b"http"
        is_known = isinstance(record.input, RecordedDue) or waits
        if outcome == "dead" or (outcome == "refused" and not is_known):
            self.letters.add(given)
        if outcome != "applied" or record.user is None:
            return
        for index, entry in enumerate(record.entries):
            topic = self._topic_of(entry)
            if topic is None:
                continue
            effect = f"{given}:{index}"
            self.notices[topic].add(effect)
            if isinstance(entry, LevelEntry):
                self.deliveries.add(effect)

    def _topic_of(self, entry: Entry) -> str | None:
        """Return where somebody is notified of an entry, None for nowhere."""
        topics = self._topics
        match entry:
            case PointsEntry(quiet=False):
                return topics.points_awarded
            case LevelEntry(quiet=False):
                return topics.level_changed
            case AchievementEntry(quiet=False):
                return topics.achievement_completed
            case StreakEntry(quiet=False) if entry.change not in ("carried", "paused"):
                # That a time zone or a pause has kept a streak is nothing that one got or lost.
                return topics.streak_changed
            case FreezesEntry():
                return topics.streak_changed
            case _:
                return None
