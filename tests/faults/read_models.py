"""The read models as they are: their rows, where these differ, and what they say of each user."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from faults.columns import COLUMNS
from faults.tables import Key, Tables
from faults.world import World

SHOWN_MAX = 3


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
    texts: list[str] = []
    for name in COLUMNS:
        wanted, there = expected.rows[name], found.rows[name]
        wrong = [key for key in wanted.keys() | there.keys() if wanted.get(key) != there.get(key)]
        for key in sorted(wrong, key=repr)[:SHOWN_MAX]:
            row = f"{key}: expected {wanted.get(key)}, found {there.get(key)}"
            texts.append(f"I4 read.{name}: {len(wrong)} rows differ, e.g. {row}")
    return texts


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
