"""Records of xp.events that are meant to do harm: keys, values, headers, and whole batches.

Made of dice alone: good inputs of every type, with pieces of them replaced, repeated, cut out and
signed or not. What comes of them is not said here.
"""

import json
from copy import deepcopy
from random import Random
from typing import Any, Final, NamedTuple

from wording import batches

# Three are of partition 0 of 2.
USERS: Final = ["ada", "bob", "eve", "ü", "a/b", "x" * 255, "💥"]
AT: Final = "2026-03-02T12:00:00Z"
# A good input of every type; of metric events there are more than of all others.
GOOD: Final[list[dict[str, Any]]] = [
    *[{"user": "bob", "metric": "commits", "value": 1}] * 6,
    {
        "user": {
            "id": "bob",
            "tz": "Europe/Berlin",
            "attributes": {"team": "red"},
            "name": "Bob",
            "email": "bob@example.org",
            "deviceTokens": ["t"],
            "subscribeToEmails": True,
        },
        "metric": "commits",
        "value": 2.5,
        "attributes": {"kind": "merge"},
        "occurredAt": "2026-03-01T10:00:00+01:00",
        "idempotencyKey": "k",
        "tenant": "default",
        "type": "metric",
    },
    {"type": "user", "user": {"id": "bob", "tz": "Pacific/Apia"}, "idempotencyKey": "u"},
    {"type": "achievement", "user": "bob", "achievement": "asked", "occurredAt": AT},
    {"type": "adjustment", "user": "bob", "system": "xp", "points": 5, "reason": "r"},
    {
        "type": "correction",
        "user": "bob",
        "event": "2-0-1",
        "metric": "commits",
        "was": 1,
        "attributes": {"kind": "merge"},
        "at": AT,
        "day": "2026-03-02",
        "value": 0,
        "reason": "r",
    },
    {"type": "freeze", "user": "bob"},
    {"type": "pause", "user": "bob", "id": "p", "start": "2026-03-02", "end": "2026-03-05"},
    {"type": "pause_removal", "user": "bob", "id": "p"},
    {"type": "restore", "user": "bob"},
    {
        "type": "preferences",
        "user": "bob",
        "streak": {
            "enabled": True,
            "evaluationMode": "AND",
            "metrics": [{"metric": "commits", "threshold": 1.5}],
        },
    },
    {"type": "due", "user": "bob", "at": AT},
    {"type": "boost", "system": "xp", "boost": "b", "change": "started", "at": AT},
    {"type": "backfill", "user": "bob", "version": 1, "series": {"commits?kind=merge": ["1", 2]}},
    {"type": "backfilled", "version": 1},
    {"type": "hold", "on": True},
    {"type": "definitions", "version": 1},
]
ODD: Final[list[Any]] = [
    None,
    True,
    0,
    -1,
    1e308,
    -0.0,
    10**15,
    -(10**15),
    2**53,
    2**63,
    0.1 + 0.2,
    "",
    "\0",
    "\ud800",
    "a" * 256,
    "0-0-1\n",
    "1e5000000",
    "-1e-5000000",
    "NaN",
    "sNaN",
    "Infinity",
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "8999-12-31T23:59:59.999999-14:00",
    "1900-01-01T00:00:00+14:00",
    "2026-03-02T24:00:00Z",
    "../../etc/passwd",
    "Etc/GMT+14",
    "America/Argentina/ComodRivadavia",
    "\u202e",
    "metric",
    "definitions",
    "default",
    [],
    [[]],
    {},
    {"": ""},
    {"id": {}},
    list(range(101)),
    {str(it): str(it) for it in range(101)},
]
# Seldom: they take longer to make than to be judged.
LARGE: Final[list[Any]] = [
    [1] * 2000,
    {str(it): [it, it] for it in range(1100)},
    "x" * 60_000,
    10**400,
]
PIECES: Final = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b'"',
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"1e999999999",
    b"1e-999999999",
    b"9" * 400,
    b"9" * 5000,
    b"0." + b"0" * 400 + b"1",
    b"-",
    b"NaN",
    b'"type":"due",',
    b'"type":"adjustment",',
    b'"tenant":"acme",',
    b'"user":',
    b"[" * 2000,
    b'{"a":' * 2000,
    b" " * 70_000,
    b"\xef\xbb\xbf",
]
HEADERS: Final = [
    "xp-forwarded",
    "xp-time",
    "xp-origin",
    "xp-mac",
    "",
    "traceparent",
    "\u0000",
    "ü",
]
HEADER_VALUES: Final = [
    None,
    b"",
    b"http",
    b"0",
    b"-1",
    b"1772452800000",
    b"9" * 15,
    b"9" * 5000,
    b"0-0-1",
    b"2-0-5",
    b"2-7-5",
    b"0-7-1\n",
    b"999999999-999999999-999999999999999999",
    b"00-00-00",
    "\u0661-\u0661-\u0661".encode(),
    b"\xff\xfe",
    b"0" * 64,
]


class Thrown(NamedTuple):
    """One record as somebody sends it; `signed`: by one who has the secret."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    signed: bool


def thrown(dice: Random) -> Thrown:
    """Return a record."""
    key = dice.choice((b"ada", b"bob", None, b"", b"\xff", b"k" * 3000))
    headers = tuple(
        (dice.choice(HEADERS), dice.choice(HEADER_VALUES))
        for _ in range(dice.choice((0, 0, 0, 0, 0, 0, 0, 1, 1, 4)))
    )
    return Thrown(key, _value(dice), headers, dice.random() < 0.6)


def _value(dice: Random) -> bytes | None:
    roll = dice.random()
    if roll < 0.01:
        return None
    if roll < 0.03:
        return dice.randbytes(dice.randrange(40))
    words = deepcopy(dice.choice(GOOD))
    if "user" in words and dice.random() < 0.5:
        words["user"] = dice.choice(USERS)
    for _ in range(dice.choice((0, 0, 0, 1, 1, 3))):
        _change(dice, words)
    raw = json.dumps(words, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    for _ in range(dice.choice((0,) * 14 + (1, 1, 4))):
        raw = _damaged(dice, raw)
    return raw


def _change(dice: Random, words: dict[str, Any]) -> None:
    """Replace, add, repeat or take out something, somewhere in it."""
    place: Any = words
    while True:
        names = list(range(len(place))) if isinstance(place, list) else list(place)
        name = dice.choice(names) if names else None
        below = place[name] if name is not None else None
        if not isinstance(below, dict | list) or dice.random() < 0.4:
            break
        place = below
    # A copy: what is put into it later must not stand in the next record too.
    odd = deepcopy(dice.choice(ODD if dice.random() < 0.98 else LARGE))
    if isinstance(place, list):
        place.insert(dice.randrange(len(place) + 1), odd)
    elif name is None or dice.random() < 0.2:
        place[str(odd)[:300]] = odd
    elif dice.random() < 0.2:
        del place[name]
    else:
        place[name] = odd


def _damaged(dice: Random, raw: bytes) -> bytes:
    at, length = dice.randrange(len(raw) + 1), dice.randrange(1, 20)
    roll = dice.random()
    if roll < 0.4:
        return raw[:at] + dice.choice(PIECES) + raw[at:]
    if roll < 0.6:
        return raw[:at] + raw[at + length :]
    if roll < 0.8:
        return raw[:at] + raw[at : at + length] * dice.choice((2, 3, 50)) + raw[at + length :]
    return raw[:at] + dice.randbytes(1) + raw[at + 1 :]


def thrown_batch(dice: Random, base: int) -> bytes:
    """Return the bytes of a batch, with the right checksum and otherwise as it comes."""
    records = [(it.key, it.value, _encodable(it)) for it in (thrown(dice) for _ in range(3))]
    raw = batches.batch(*records, base=base)
    roll = dice.random()
    if roll < 0.2:
        return batches.packed(raw)
    body = bytearray(raw)
    for _ in range(dice.choice((1, 1, 3, 20))):
        at = dice.randrange(batches.RECORDS_AT, len(body))
        body[at] = dice.randrange(256)
    spoilt = batches.sealed(bytes(body), base)
    return batches.packed(spoilt) if roll < 0.4 else spoilt


def _encodable(it: Thrown) -> list[tuple[str, bytes | None]]:
    return list(it.headers)
