"""Texts and numbers that no door may stumble over, and good requests to put them into.

For tests of the gateway: no server is asked in here.
"""

import json
from collections.abc import Iterator
from typing import Any

from plumbing.gateway_world import RICH

from contract.collections import ATTRIBUTES, METRICS, SYSTEMS, boosts_of, levels_of, triggers_of
from schemas.definitions import Definitions

DIGITS = "9" * 5000
# As they stand in a path or a query.
IN_URL = (
    DIGITS,
    f"-{DIGITS}",
    f"0-0-{DIGITS}",
    f"{DIGITS}-0-0",
    "0-0-1%0A",
    "0-99999999999999999999-1",
    "%D9%A0-%D9%A1-%D9%A2",
    "-1",
    "1e999",
    "NaN",
    "%00",
    "a%00b",
    "%ED%A0%80",
    "%FF",
    "%F0%9F%98%80",
    "%0A",
    "%2e%2e%2f",
    "%",
    "x" * 5000,
    "2026-02-30",
    "99999-01-01",
    "00000000-0000-0000-0000-00000000000%0A",
)
IN_HEADER = (b"\xff", b"\xed\xa0\x80", DIGITS.encode(), b"x" * 5000, b"", b"a\tb", b"\xc3\xa4")
# As they stand in JSON.
IN_BODY = (
    DIGITS,
    f"-{DIGITS}",
    f"1.{DIGITS}",
    "1e5000000",
    "1e-5000000",
    "-1e99999999999999999999",
    "1e400",
    f"9007199254740993{'0' * 30}",
    "-0",
    "-0.0",
    f'"{DIGITS}"',
    '"0-0-1\\n"',
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud83d\\ude00"',
    '""',
    '"x"',
    f'"{"x" * 5000}"',
    '"2026-02-30"',
    '"99999-01-01"',
    '"0001-01-01"',
    '"9999-12-31"',
    '"00000000-0000-0000-0000-000000000000\\n"',
    "null",
    "true",
    "[]",
    "[[]]",
    "{}",
    '{"\\u0000": "\\ud800"}',
    '{"\\ud800": 1}',
    "[" * 60 + "]" * 60,
)
WHOLE_BODIES = (
    b"",
    b"\xff",
    b"\xef\xbb\xbf{}",
    b"[" * 10_000,
    b'{"a":' * 10_000,
    b'"\\ud800"',
    b"nul",
    DIGITS.encode(),
    b"{" + b'"a":1,' * 5000 + b'"a":1}',
)
EVENT = {"user": {"id": "u1"}, "value": 1, "attributes": {"repo": "docs"}}
DATES = {"start": "2026-03-01", "end": "2026-03-02"}


def bodies(ids: dict[str, str]) -> dict[str, Any]:
    """Return a good body for each operation that takes one, but for what it names."""
    user = {"id": "u1", "name": "Ann", "tz": "UTC", "attributes": {"team": "red"}}
    trigger = {"type": "metric", "points": 1, "metricId": ids["metric"], "metricThreshold": 1}
    filters = {"userAttributes": [{"attributeId": ids["attribute"], "value": "red"}]}
    boost = {"name": "B", **DATES, "multiplier": 2, **filters}
    level = {"name": "L", "key": "l", "points": 7, "badge": {"url": "https://example.com/b.png"}}
    return {
        "metrics_event": EVENT,
        "achievements_complete": {"user": user},
        "users_create": user,
        "users_identify": user,
        "users_update": user,
        "users_update_preferences": {
            "notifications": {"recap": ["email"]},
            "streak": {"enabled": True, "metrics": [{"key": "commits", "threshold": 1}]},
        },
        "admin_events_correct": {"value": 2, "reason": "why"},
        "admin_users_points_adjust": {"points": 5, "reason": "why"},
        "admin_achievements_update": {"status": "active"},
        "admin_streaks_freezes_create": {"freezes": [{"userId": "u1"}]},
        "admin_streaks_pauses_create": {"pauses": [{"userId": "u1", **DATES}]},
        "admin_streaks_restore": {"users": [{"id": "u1"}]},
        "admin_points_boosts_create_old": {
            "systemKey": "xp",
            "boosts": [{"userId": "u1", "name": "B", **DATES, "multiplier": 2}],
        },
        "admin_points_triggers_create": [trigger],
        "admin_points_triggers_update": [{"id": ids["trigger"], "points": 2}],
        "admin_points_boosts_create": [boost],
        "admin_points_boosts_update": [{"id": ids["boost"], "multiplier": 3, **DATES}],
        "admin_points_levels_create": [level],
        "admin_points_levels_update": [{"id": ids["level"], "points": 3, "name": "M"}],
    }


def ids() -> dict[str, str]:
    """Return ids of what the game has, by what they are of."""
    game = Definitions.model_validate(RICH)
    system = game.points[0]
    return {
        "system": SYSTEMS.id_of("default", system),
        "metric": METRICS.id_of("default", game.metrics[0]),
        "attribute": ATTRIBUTES.id_of("default", game.attributes[0]),
        "trigger": triggers_of(system.key).id_of("default", system.triggers[0]),
        "boost": boosts_of(system.key).id_of("default", system.boosts[0]),
        "level": levels_of(system.key).id_of("default", system.levels[0]),
    }


def spoiled(body: Any) -> Iterator[bytes]:
    """Yield JSON of a body with each of its leaves and each of its names replaced in turn."""
    marker = '"@@"'
    for path in _leaves(body):
        whole = json.dumps(_with(body, path, "@@"))
        for nasty in IN_BODY:
            yield whole.replace(marker, nasty).encode()
    text = json.dumps(body)
    for name in ('"id"', '"value"', '"points"', '"userId"'):
        yield text.replace(name, '"\\ud800"').encode()
        yield text.replace(name, '"\\u0000"').encode()


def _leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all that is in a document."""
    if path:
        yield path
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _leaves(value, (*path, key))


def _with(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    head, *rest = path
    if isinstance(node, dict):
        return {**node, head: _with(node[head], tuple(rest), value)}
    return [_with(it, tuple(rest), value) if at == head else it for at, it in enumerate(node)]
