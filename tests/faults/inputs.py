"""Inputs that are wrong, huge or near a limit, as events of a plan. Sends nothing.

Poison must become `dead`: its raw bytes are no event, whatever the definitions say. What must be
`refused` is an event in form, and the second implementation of the rules refuses it too.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from faults.event import Event
from faults.plan import VALUES

from schemas.topics import EVENT_BYTES_MAX, RECORD_BYTES_MAX

# A record of the topic's limit has to hold key, headers and its own overhead too.
OVERHEAD_BYTES: Final = 1024
NESTED_BYTES: Final = RECORD_BYTES_MAX - OVERHEAD_BYTES
DEVICE_TOKENS_MAX: Final = 100
FOREIGN_HEADERS: Final = (
    ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("content-type", bytes(range(256))),
    ("empty", b""),
)
FORGED_HEADERS: Final = (
    ("xp-forwarded", b"\xff\xfenot a position"),
    ("xp-time", b"9" * 40),
)


def _event(**fields: Any) -> bytes:
    return json.dumps({"user": "p", "metric": "commits", **fields}).encode()


def _worded(value: str) -> bytes:
    """An event with a value that no JSON library of Python would write."""
    return b'{"user": "p", "metric": "commits", "value": %s}' % value.encode()


POISON: Final[dict[str, bytes]] = {
    "empty": b"",
    "blank": b" \n\t ",
    "invalid UTF-8": b'{"user": "\xff\xfe\xfa", "metric": "commits"}',
    "invalid UTF-8 in a field nobody reads": b'{"user": "p", "metric": "commits", "x": "\xc3"}',
    "UTF-16": '{"user": "p", "metric": "commits"}'.encode("utf-16"),
    "a lone surrogate": b'{"user": "\\ud800", "metric": "commits"}',
    "cut short": _event()[:-5],
    "two values": _event() * 2,
    "a list": b"[" + _event() + b"]",
    "not an object": b"1e999",
    "NaN": _worded("NaN"),
    "Infinity": _worded("-Infinity"),
    "beyond a double": _worded("1e400"),
    "too large": _worded("1e18"),
    "too many digits": _worded("9" * 5_000),
    "too precise": _worded("0." + "0" * 60 + "1"),
    "a number as text": _event(value="1"),
    "a truth value as a number": _event(value=True),
    "a user who is a number": _event(user=5),
    "a user without a name": _event(user={"tz": "UTC"}),
    "a user id too long": _event(user="u" * 256),
    "NUL in the user id": _event(user="a\0b"),
    "a metric that is a list": _event(metric=["commits"]),
    "a metric with a space": _event(metric="com mits"),
    "no metric": b'{"user": "p"}',
    "attributes as a list": _event(attributes=["kind"]),
    "attributes as text": _event(attributes="kind"),
    "a time without an offset": _event(occurredAt="2025-01-01T00:00:00"),
    "a time as a number": _event(occurredAt=1_700_000_000),
    "a year that is none": _event(occurredAt="0000-01-01T00:00:00Z"),
    "an unknown zone": _event(user={"id": "p", "tz": "Mars/Olympus"}),
    "a key of no characters": _event(idempotencyKey=""),
    "another version of the schema": _event(v=2),
    "another kind of input": _event(type="correction"),
    "a marker without a version": b'{"type": "definitions"}',
    "a marker with a version that is none": b'{"type": "definitions", "version": 1.5}',
    "a marker of a version that does not exist": b'{"type": "definitions", "version": 999999}',
    "nested lists": b"[" * (EVENT_BYTES_MAX // 2 - 1) + b"]" * (EVENT_BYTES_MAX // 2 - 1),
    "nested in an attribute": b'{"user": "p", "metric": "commits", "attributes": {"kind": '
    + b'{"a": ' * 5_000
    + b"1"
    + b"}" * 5_000
    + b"}}",
    "nested, 1 MB": b"[" * (NESTED_BYTES // 2) + b"]" * (NESTED_BYTES // 2),
    "1 MB of nothing": b"\0" * NESTED_BYTES,
    "one byte too long": _event().ljust(EVENT_BYTES_MAX + 1),
}


def poison(dice: Random, mark: str) -> list[Event]:
    """Return one event of each kind of poison and of what must be refused, in some order."""
    found = [_raw(dice, f"{mark}.{number}", raw) for number, raw in enumerate(POISON.values())]
    found += [
        _raw(dice, f"{mark}.tombstone", b"", tombstone=True),
        _raw(dice, f"{mark}.headers", b"x", headers=FOREIGN_HEADERS),
        _raw(dice, f"{mark}.forged", _event(), headers=(*FOREIGN_HEADERS, *FORGED_HEADERS)),
        _raw(dice, f"{mark}.keyless", b"y", wire_key=b""),
        _raw(dice, f"{mark}.key", b"z", wire_key=b"\xff" * (RECORD_BYTES_MAX // 2)),
        *_refused(dice, mark),
    ]
    dice.shuffle(found)
    return found


def _raw(dice: Random, mark: str, raw: bytes, **special: Any) -> Event:
    return Event(mark, "kafka", dice.choice("pqrstuvw"), raw=raw, **special)


def _refused(dice: Random, mark: str) -> list[Event]:
    user = f"refused.{dice.randrange(8)}"
    future = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="milliseconds")
    return [
        Event(f"{mark}.metric", "kafka", user, "unheard-of", key=f"{mark}.metric"),
        Event(f"{mark}.attribute", "kafka", user, attributes={"unheard-of": "x"}),
        Event(f"{mark}.future", "kafka", user, occurred=future),
        # A stranger's header on what is refused: nobody waits for it, but it says somebody does.
        Event(
            f"{mark}.origin",
            "kafka",
            user,
            "unheard-of",
            headers=(("xp-origin", b"http"), *FOREIGN_HEADERS[:1]),
        ),
    ]


def good_but_odd(dice: Random, mark: str) -> list[Event]:
    """Return events that must be applied, however they look."""
    user = f"odd.{dice.randrange(8)}"
    odd = ["\u202e" + user, user + " ", "💥" * 60, "a/b?c#d%2f" + user, "'; DROP TABLE users; --"]
    return [
        Event(f"{mark}.headers", "kafka", user, headers=FOREIGN_HEADERS),
        # Put on the partition of its user in spite of its key.
        Event(f"{mark}.key", "kafka", user, wire_key=b"k" * 100_000),
        Event(f"{mark}.full", "kafka", user, size=EVENT_BYTES_MAX),
        *(Event(f"{mark}.user{number}", "kafka", who) for number, who in enumerate(odd)),
    ]


def of_one_user(dice: Random, mark: str, count: int) -> list[Event]:
    """Return so many events of one user who is new; their order decides the totals on the way."""
    user = f"heavy.{mark}"
    return [
        Event(
            f"{mark}.{number}",
            "kafka",
            user,
            "commits" if dice.random() < 0.8 else "lines",
            dice.choice(VALUES),
            key=f"{mark}.{number}" if dice.random() < 0.5 else None,
        )
        for number in range(count)
    ]


def of_many_users(dice: Random, mark: str, count: int, users: int) -> list[Event]:
    """Return so many small events spread over so many users."""
    return [
        Event(
            f"{mark}.{number}",
            "kafka",
            f"many.{dice.randrange(users)}",
            # Few commits: each would change a level, and be told to a webhook, one by one.
            "commits" if dice.random() < 0.03 else dice.choice(("lines", "reviews")),
            dice.choice(VALUES),
            key=f"{mark}.{number}" if dice.random() < 0.5 else None,
        )
        for number in range(count)
    ]


def near_the_limit(dice: Random, mark: str, count: int) -> list[Event]:
    """Return events of the largest size there is."""
    return [
        Event(
            f"{mark}.{number}",
            "kafka",
            f"large.{dice.randrange(20)}",
            key=f"{mark}.{number}".ljust(255, "k"),
            size=EVENT_BYTES_MAX - dice.choice((0, 0, 1, 100)),
        )
        for number in range(count)
    ]
