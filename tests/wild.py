"""A game with every field that definitions know, and values that a field was not made for.

`changed(path, value)` is that game with another value in one place; a path is written as it is
told, `points.0.triggers.0.points`.
"""

from copy import deepcopy
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

EVERYTHING: Final[dict[str, Any]] = {
    "settings": {"weekStart": "monday", "defaultTimeZone": "UTC", "controlRatio": 0},
    "metrics": [
        {
            "key": "commits",
            "name": "Commits",
            "description": "Counted",
            "unitType": "number",
            "units": "commits",
            "defaultIncrementValue": "1",
        }
    ],
    "attributes": [
        {"key": "kind", "type": "event", "name": "Kind"},
        {"key": "team", "type": "user", "name": "Team"},
    ],
    "streak": {
        "enabled": True,
        "personalization": False,
        "frequency": "daily",
        "evaluationMode": "OR",
        "metrics": [{"metric": "commits", "threshold": "0.5"}],
        "initialFreezes": 1,
        "maxFreezes": 2,
        "freezeAutoEarnInterval": 7,
        "freezeAutoEarnAmount": 1,
    },
    "achievements": [
        {
            "key": "ten",
            "name": "Ten",
            "description": "Ten of them",
            "badgeUrl": "https://example.org/ten.png",
            "userAttributes": {"team": "red"},
            "status": "active",
            "trigger": "metric",
            "metric": "commits",
            "metricValue": "10.5",
            "eventAttributes": {"kind": "merge"},
        },
        {"key": "week", "name": "A week", "trigger": "streak", "streakLength": 7},
        {"key": "asked", "name": "Asked for", "trigger": "api"},
        {"key": "both", "name": "Both", "trigger": "achievement", "achievements": ["ten", "week"]},
    ],
    "points": [
        {
            "key": "xp",
            "name": "XP",
            "description": "Experience",
            "badge": {"url": "https://example.org/xp.png"},
            "maxPoints": 1000,
            "triggers": [
                {
                    "key": "each",
                    "points": 5,
                    "userAttributes": {"team": "red"},
                    "blockIfOutOfPoints": False,
                    "status": "active",
                    "type": "metric",
                    "metric": "commits",
                    "metricThreshold": 2,
                    "eventAttributes": {"kind": "merge"},
                },
                {"key": "long", "points": 5, "type": "streak", "streakLength": 7},
                {"key": "done", "points": 5, "type": "achievement", "achievement": "ten"},
                {"key": "rest", "points": 5, "type": "time", "timeUnit": "days", "timeInterval": 3},
                {"key": "hello", "points": 5, "type": "user_creation"},
            ],
            "boosts": [
                {
                    "key": "double",
                    "name": "Double",
                    "start": "2026-01-01",
                    "end": "2026-02-01",
                    "multiplier": "2.5",
                    "rounding": "down",
                    "userAttributes": {"team": "red"},
                },
                {
                    "key": "hers",
                    "name": "Hers",
                    "start": "2026-01-01",
                    "multiplier": "1.5",
                    "userId": "ada",
                },
            ],
            "levels": [
                {
                    "key": "low",
                    "name": "Low",
                    "description": "The first",
                    "badge": {"url": "https://example.org/low.png"},
                    "points": 10,
                }
            ],
        }
    ],
}


def paths(value: Any = EVERYTHING, here: tuple[str, ...] = ()) -> list[str]:
    """Return the path of every field and item of the game."""
    if isinstance(value, dict):
        steps = [(str(name), item) for name, item in value.items()]
    elif isinstance(value, list):
        steps = [(str(index), item) for index, item in enumerate(value)]
    else:
        return []
    found = []
    for step, item in steps:
        found += [".".join((*here, step)), *paths(item, (*here, step))]
    return found


PATHS: Final = paths()


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the game with another value in one place."""
    game = deepcopy(EVERYTHING)
    *steps, last = path.split(".")
    node: Any = game
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else node[step]
    if isinstance(node, list):
        node[int(last)] = value
    else:
        node[last] = value
    return game


# What YAML, JSON or a program may put where something else was meant.
SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-3, 400),
    st.floats(),
    st.decimals(),
    st.decimals(allow_nan=False, allow_infinity=False, places=19),
    st.text(max_size=20),
    st.text(st.characters(codec=None), max_size=5),
    st.text("0123456789._-+eE: ", max_size=12),
    st.binary(max_size=5),
    st.dates(),
    st.datetimes(),
    st.sampled_from(
        [
            "a\0b",
            "\ud800",
            "",
            "x" * 256,
            "x" * 5000,
            "key",
            "commits",
            "1_000",
            "1:30",
            "010",
            "1e3",
            "0E+999999999",
            "9E+9999999",
            "1E-400",
            "NaN",
            "-Infinity",
            "2026-01-31",
            "2026-02-30",
            "0001-01-01",
            "9999-12-31",
            "Europe/Berlin",
            "Europe/../Berlin",
            2**53 - 1,
            2**53,
            -(2**53),
            10**12,
            10**15,
            10**4000,
            1e308,
            0.1,
            Decimal("1E+999999"),
            Decimal("1E-999999"),
            Decimal("sNaN"),
            date(1899, 12, 31),
            date(9000, 1, 1),
            datetime(2026, 1, 1, tzinfo=UTC),
        ]
    ),
)


def _hashable(value: object) -> bool:
    # A signalling NaN has no hash.
    return not (isinstance(value, Decimal) and value.is_snan())


VALUES: Final = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.text(max_size=5), SCALARS.filter(_hashable)), inner, max_size=3
        ),
        st.sets(st.text(max_size=3), max_size=2),
        st.tuples(inner),
    ),
    max_leaves=5,
)
