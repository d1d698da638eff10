"""The read models that must follow from the ledger: its records folded, and rows to compare.

Written from what the tables are to hold, without any code of the projections.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from faults.world import World

Key = tuple[Any, ...]
Row = tuple[Any, ...]

# Table -> its columns, and how many of them are the key.
COLUMNS: dict[str, tuple[str, int]] = {
    "users": ("tenant, user_id, tz, attributes, created, updated, last_seen", 2),
    "user_counts": ("tenant, partition, users", 2),
    "totals": ("tenant, user_id, metric, total, updated", 3),
    "total_days": ("tenant, user_id, metric, day, change, events", 4),
    "streaks": (
        "tenant, user_id, frequency, length, longest, started, period, through, extended",
        3,
    ),
    "streak_periods": ("tenant, user_id, frequency, period, length", 4),
    "achievements": ("tenant, user_id, achievement, achieved_at, event_id", 3),
    "achievement_counts": ("tenant, achievement, partition, completions", 3),
    "points": ("tenant, user_id, system, total, updated", 3),
    "awards": (
        (
            "tenant, user_id, system, ledger_offset, index, id, trigger, awarded, total, at,"
            " definitions"
        ),
        5,
    ),
    "point_days": ("tenant, user_id, system, day, change", 4),
    "levels": (
        "tenant, user_id, system, ledger_offset, index, id, before, after, total, at",
        5,
    ),
    "positions": ("partition, next_offset, epoch, source_offset, lane", 1),
}
SHOWN_MAX = 3


class Tables:
    """The rows of every read model, by table and key."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Key, Row]] = {name: {} for name in COLUMNS}

    def position(self, partition: int, next_offset: int, link: list[Any] | None) -> None:
        """Note how far a partition was read."""
        self.rows["positions"][(partition,)] = (next_offset, *(link or (None, None, None)))

    def add(self, partition: int, offset: int, record: dict[str, Any]) -> None:
        """Fold one admitted record."""
        if record["outcome"] != "applied" or record["user"] is None:
            return
        who = (record["tenant"], record["user"])
        at = datetime.fromisoformat(record["at"])
        self._see(who, partition, at)
        days = [entry["day"] for entry in record["entries"] if entry["kind"] == "total"]
        day = date.fromisoformat(days[0]) if days else at.astimezone(UTC).date()
        for index, entry in enumerate(record["entries"]):
            place = (partition, offset, index, day)
            fold = getattr(self, f"_add_{entry['kind']}", None)
            if fold is not None:
                fold(who, at, entry, place, record)

    def _see(self, who: Key, partition: int, at: datetime) -> None:
        users = self.rows["users"]
        if who in users:
            tz, attributes, created, updated, seen = users[who]
            users[who] = (tz, attributes, created, updated, max(seen, at))
            return
        users[who] = (None, {}, at, at, at)
        self._count("user_counts", (who[0], partition))

    def _count(self, table: str, key: Key, by: int = 1) -> None:
        self.rows[table][key] = (self.rows[table].get(key, (0,))[0] + by,)

    def _add_user(self, who: Key, at: datetime, entry: dict[str, Any], *_: Any) -> None:
        tz, attributes, created, _updated, seen = self.rows["users"][who]
        merged = {**attributes, **entry.get("attributes", {})}
        kept = {key: text for key, text in merged.items() if text is not None}
        self.rows["users"][who] = (entry.get("tz", tz), kept, created, at, seen)

    def _add_total(
        self, who: Key, at: datetime, entry: dict[str, Any], place: Key, _record: Any
    ) -> None:
        self.rows["totals"][(*who, entry["metric"])] = (Decimal(entry["total"]), at)
        key = (*who, entry["metric"], place[3])
        change, events = self.rows["total_days"].get(key, (Decimal(0), 0))
        self.rows["total_days"][key] = (change + Decimal(entry["change"]), events + 1)

    def _add_streak(self, who: Key, at: datetime, entry: dict[str, Any], *_: Any) -> None:
        key = (*who, entry["frequency"])
        known = self.rows["streaks"].get(key, (0, 0, None, None, None, None))
        period, extended = known[3], known[5]
        if entry["change"] in ("started", "extended"):
            period, extended = date.fromisoformat(entry["period"]), at
            self.rows["streak_periods"][(*key, period)] = (entry["length"],)
        self.rows["streaks"][key] = (
            entry["length"],
            max(known[1], entry["length"]),
            _day(entry["started"]),
            period,
            _day(entry["through"]),
            extended,
        )

    def _add_achievement(
        self, who: Key, at: datetime, entry: dict[str, Any], place: Key, record: dict[str, Any]
    ) -> None:
        self.rows["achievements"][(*who, entry["achievement"])] = (at, record["id"])
        self._count("achievement_counts", (who[0], entry["achievement"], place[0]))

    def _add_points(
        self, who: Key, at: datetime, entry: dict[str, Any], place: Key, record: dict[str, Any]
    ) -> None:
        system = (*who, entry["system"])
        self.rows["points"][system] = (entry["total"], at)
        self._count("point_days", (*system, place[3]), entry["awarded"])
        self.rows["awards"][(*system, place[1], place[2])] = (
            f"{record['id']}:{place[2]}",
            entry["trigger"],
            entry["awarded"],
            entry["total"],
            at,
            record["definitions"],
        )

    def _add_level(
        self, who: Key, at: datetime, entry: dict[str, Any], place: Key, record: dict[str, Any]
    ) -> None:
        self.rows["levels"][(*who, entry["system"], place[1], place[2])] = (
            f"{record['id']}:{place[2]}",
            entry["before"],
            entry["after"],
            entry["total"],
            at,
        )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text is not None else None


async def stored(world: World) -> Tables:
    """Read every row of the read models."""
    found = Tables()
    for name, (columns, width) in COLUMNS.items():
        rows = await world.query(f"SELECT {columns} FROM read.{name}")
        found.rows[name] = {row[:width]: row[width:] for row in rows}
    return found


def differences(expected: Tables, found: Tables) -> list[str]:
    """Say where tables differ, a few rows of each."""
    told: list[str] = []
    for name in COLUMNS:
        wanted, there = expected.rows[name], found.rows[name]
        wrong = [key for key in wanted.keys() | there.keys() if wanted.get(key) != there.get(key)]
        for key in sorted(wrong, key=repr)[:SHOWN_MAX]:
            row = f"{key}: expected {wanted.get(key)}, found {there.get(key)}"
            told.append(f"I4 read.{name}: {len(wrong)} rows differ, e.g. {row}")
    return told


def by_user(tables: Tables) -> dict[Key, dict[str, Any]]:
    """Return what the rows say of each user, in the terms of the second implementation."""
    users: dict[Key, dict[str, Any]] = {
        who: {
            "totals": {},
            "streaks": {},
            "achievements": {},
            "points": {},
            "levels": {},
            "awards": [],
        }
        for who in tables.rows["users"]
    }
    for (*who, metric), (total, _) in tables.rows["totals"].items():
        users[tuple(who)]["totals"][metric] = total
    for (*who, frequency), row in tables.rows["streaks"].items():
        users[tuple(who)]["streaks"][frequency] = row[:2]
    for (*who, achievement), (at, _) in tables.rows["achievements"].items():
        users[tuple(who)]["achievements"][achievement] = at
    for (*who, system), (total, _) in tables.rows["points"].items():
        users[tuple(who)]["points"][system] = total
    ordered: dict[str, list[Any]] = defaultdict(list)
    for table in ("awards", "levels"):
        ordered[table] = sorted(tables.rows[table].items(), key=lambda item: item[0][3:])
    for (tenant, user, system, *_), row in ordered["awards"]:
        users[tenant, user]["awards"].append((system, *row[1:4]))
    for (tenant, user, system, *_), row in ordered["levels"]:
        users[tenant, user]["levels"][system] = row[2]
    return users
