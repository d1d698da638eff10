"""The read models that must follow from the ledger: its records folded, and rows to compare.

Written from what the tables are to hold, without any code of the projections.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
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
    "streak_periods": (
        "tenant, user_id, frequency, period, length, used_freeze, used_pause",
        4,
    ),
    "freezes": ("tenant, user_id, freezes", 2),
    "pauses": ("tenant, user_id, id, first_date, last_date", 3),
    "streak_preferences": ("tenant, user_id, streak", 2),
    "achievements": ("tenant, user_id, achievement, achieved_at, event_id", 3),
    "achievement_counts": ("tenant, achievement, partition, completions", 3),
    "points": ("tenant, user_id, system, total, updated", 3),
    "awards": (
        (
            "tenant, user_id, system, ledger_offset, index, id, trigger, awarded, total, at,"
            " definitions, boosts, count, reason"
        ),
        5,
    ),
    "point_days": ("tenant, user_id, system, day, change", 4),
    "levels": (
        "tenant, user_id, system, ledger_offset, index, id, before, after, total, at",
        5,
    ),
    "corrections": (
        "tenant, event_id, ledger_offset, index, id, user_id, before, after, reason, at",
        4,
    ),
    "in_force": ("tenant, partition, version", 2),
    "positions": ("partition, next_offset, epoch, source_offset, lane", 1),
}
SHOWN_MAX = 3
# Of a long pause or many freezes that one entry tells of, so many periods have rows.
KEPT_PERIODS_MAX = 1000


class Tables:
    """The rows of every read model, by table and key."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Key, Row]] = {name: {} for name in COLUMNS}

    def position(self, partition: int, next_offset: int, link: list[Any] | None) -> None:
        """Note how far a partition was read."""
        self.rows["positions"][(partition,)] = (next_offset, *(link or (None, None, None)))

    def add(self, partition: int, offset: int, record: dict[str, Any]) -> None:
        """Fold one admitted record."""
        if record["outcome"] != "applied":
            return
        if record["user"] is None:
            self._add_of_partition(partition, record)
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

    def _add_of_partition(self, partition: int, record: dict[str, Any]) -> None:
        for entry in record["entries"]:
            if entry["kind"] == "definitions":
                self.rows["in_force"][record["tenant"], partition] = (entry["version"],)

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
        self, who: Key, at: datetime, entry: dict[str, Any], place: Key, record: dict[str, Any]
    ) -> None:
        self.rows["totals"][(*who, entry["metric"])] = (Decimal(entry["total"]), at)
        key = (*who, entry["metric"], place[3])
        change, events = self.rows["total_days"].get(key, (Decimal(0), 0))
        # A correction changes an event that was counted already.
        counted = (record["input"] or {}).get("type") != "correction"
        self.rows["total_days"][key] = (change + Decimal(entry["change"]), events + counted)

    def _add_streak(self, who: Key, at: datetime, entry: dict[str, Any], *_: Any) -> None:
        key = (*who, entry["frequency"])
        known = self.rows["streaks"].get(key, (0, 0, None, None, None, None))
        period, extended = known[3], known[5]
        if entry["change"] in ("started", "extended"):
            period, extended = date.fromisoformat(entry["period"]), at
            self._keep(key, period, entry["length"])
        if entry["change"] == "restored" and entry["period"] == entry["through"]:
            # It was started anew before it was given back.
            self._keep(key, date.fromisoformat(entry["period"]), entry["length"])
        if entry["change"] in ("frozen", "paused"):
            for kept in _kept(entry):
                self._keep(key, kept, entry["length"], entry["change"])
        self.rows["streaks"][key] = (
            entry["length"],
            max(known[1], entry["length"]),
            _day(entry["started"]),
            period,
            _day(entry["through"]),
            extended,
        )

        if "freezes" in entry:
            self.rows["freezes"][who] = (entry["freezes"],)

    def _keep(self, key: Key, period: date, length: int, change: str = "") -> None:
        """Note that a period was satisfied, or that a freeze or a pause took its place."""
        _, freeze, pause = self.rows["streak_periods"].get((*key, period), (0, False, False))
        told = (length, freeze or change == "frozen", pause or change == "paused")
        self.rows["streak_periods"][(*key, period)] = told

    def _add_freezes(self, who: Key, _at: datetime, entry: dict[str, Any], *_: Any) -> None:
        self.rows["freezes"][who] = (entry["freezes"],)

    def _add_pauses(self, who: Key, _at: datetime, entry: dict[str, Any], *_: Any) -> None:
        pauses = self.rows["pauses"]
        for key in [key for key in pauses if key[:2] == who]:
            del pauses[key]
        for it in entry["pauses"]:
            pauses[(*who, it["id"])] = (_day(it["start"]), _day(it["end"]))

    def _add_preferences(self, who: Key, _at: datetime, entry: dict[str, Any], *_: Any) -> None:
        self.rows["streak_preferences"][who] = (entry["streak"],)

    def _add_correction(
        self, who: Key, at: datetime, entry: dict[str, Any], place: Key, record: dict[str, Any]
    ) -> None:
        self.rows["corrections"][(who[0], entry["event"], place[1], place[2])] = (
            f"{record['id']}:{place[2]}",
            who[1],
            Decimal(entry["before"]),
            Decimal(entry["after"]),
            entry.get("reason"),
            at,
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
        due = datetime.fromisoformat(entry["at"]) if "at" in entry else None
        # What time itself has brought counts on the day on which it fell due.
        day = due.astimezone(UTC).date() if due is not None else place[3]
        self._count("point_days", (*system, day), entry["awarded"])
        self.rows["awards"][(*system, place[1], place[2])] = (
            f"{record['id']}:{place[2]}",
            entry["trigger"],
            entry["awarded"],
            entry["total"],
            due or at,
            record["definitions"],
            entry.get("boosts"),
            entry.get("count"),
            entry.get("reason"),
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


def _kept(entry: dict[str, Any]) -> Iterator[date]:
    """Yield the first dates of the periods in which an entry says that a streak was kept."""
    period = date.fromisoformat(entry["period"])
    since = date.fromisoformat(entry.get("since", entry["period"]))
    for _ in range(KEPT_PERIODS_MAX):
        yield period
        if entry["frequency"] == "monthly":
            period = (period - timedelta(days=1)).replace(day=1)
        else:
            period -= timedelta(days=7 if entry["frequency"] == "weekly" else 1)
        if period < since:
            return


async def stored(world: World) -> Tables:
    """Read every row of the read models, all as of the same moment."""
    found = Tables()
    queries = {name: f"SELECT {columns} FROM read.{name}" for name, (columns, _) in COLUMNS.items()}
    for name, rows in (await world.query_at_once(queries)).items():
        width = COLUMNS[name][1]
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
    rows = tables.rows
    users: dict[Key, dict[str, Any]] = {
        who: {
            "totals": {},
            "streaks": {},
            "freezes": rows["freezes"].get(who, (0,))[0],
            "achievements": {},
            "points": {},
            "levels": {},
            "awards": [],
        }
        for who in rows["users"]
    }
    for (*who, metric), (total, _) in rows["totals"].items():
        users[tuple(who)]["totals"][metric] = total
    for (*who, frequency), row in rows["streaks"].items():
        users[tuple(who)]["streaks"][frequency] = row[:2]
    for (*who, achievement), (at, _) in rows["achievements"].items():
        users[tuple(who)]["achievements"][achievement] = at
    for (*who, system), (total, _) in rows["points"].items():
        users[tuple(who)]["points"][system] = total
    ordered: dict[str, list[Any]] = defaultdict(list)
    for table in ("awards", "levels"):
        ordered[table] = sorted(rows[table].items(), key=lambda item: item[0][3:])
    for (tenant, user, system, *_), row in ordered["awards"]:
        boosts = tuple(row[6] or ())
        users[tenant, user]["awards"].append((system, *row[1:4], boosts))
    for (tenant, user, system, *_), row in ordered["levels"]:
        users[tenant, user]["levels"][system] = row[2]
    return users
