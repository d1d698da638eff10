"""The quick way to read inputs of the common form: it says what the careful one says, or nothing.

And whatever is refused, is refused with a sentence that names the field.
"""

import json
import os
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import MsgspecError
from msgspec.json import encode

from schemas.inputs import MetricEvent
from schemas.inputs.reading import (
    _METRIC_EVENT,
    InvalidInputError,
    _is_common,
    _read_carefully,
    _read_typed,
    read_input,
)

EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "600"))
OFTEN = settings(max_examples=EXAMPLES, deadline=None)

TEXTS = st.one_of(
    st.sampled_from(
        ["ada", "", "a b", "a\0", "com-mits_1", "x\n", "\u00e9", "u" * 255, "u" * 256, "\ud800",
         "\\u0000", "Europe/Berlin", "1", "0-0-7", "0-0-7\n", "NaN"]
    ),
    # Without what sentences are made of.
    st.text(st.characters(exclude_characters="`:;.$", max_codepoint=0x2FF), max_size=4),
)  # fmt: skip
INSTANTS = st.one_of(
    st.sampled_from(
        [
            "2026-03-02T12:00:00Z",
            "2026-03-02T12:00:00.123456Z",
            "2026-03-02T12:00:00.1234567Z",
            "2026-03-02T23:59:59.9999999Z",
            "2026-03-02T12:00:00,5Z",
            "2026-03-02T12:00:00+00:00",
            "2026-03-02T12:00:00-00:00",
            "2026-03-02T12:00:00+01:00",
            "2026-03-02T12:00Z",
            "2026-03-02 12:00:00Z",
            "2026-03-02t12:00:00z",
            "2026-03-02T24:00:00Z",
            "2026-02-30T12:00:00Z",
            "2026-03-02T12:00:60Z",
            "2026-W10-1T12:00:00Z",
            "1899-12-31T23:59:59Z",
            "9000-01-01T00:00:00Z",
            "2026-03-02T12:00:00",
            "2026-03-02T12:00:00Z\n",
            "\u0662026-03-02T12:00:00Z",
        ]
    ),
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
)
DATES = st.sampled_from(["2026-03-02", "2026-3-2", "2026-02-30", "2026-03-02T00:00:00Z", ""])
VALUES = st.one_of(
    st.integers(-(10**19), 10**19),
    st.integers(-9, 9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.sampled_from(["1", "1.50", "x", 5.0, -0.0, 1e-400, 1e15, 10**15, 2**53, 10**400]),
)
ANYTHING = st.recursive(
    st.one_of(TEXTS, VALUES),
    lambda of: st.one_of(st.lists(of, max_size=3), st.dictionaries(TEXTS, of, max_size=3)),
    max_leaves=5,
)
ATTRIBUTES = st.one_of(st.none(), st.dictionaries(TEXTS, st.one_of(TEXTS, TEXTS, VALUES)))
USERS = st.one_of(
    TEXTS,
    TEXTS,
    st.fixed_dictionaries(
        {"id": TEXTS},
        optional={
            "tz": st.one_of(st.none(), TEXTS),
            "attributes": ATTRIBUTES,
            "name": st.one_of(st.none(), TEXTS),
            "deviceTokens": st.one_of(st.none(), st.lists(TEXTS, max_size=2)),
            "subscribeToEmails": VALUES,
            "plan": TEXTS,
        },
    ),
    ANYTHING,
)
PREFERENCES = st.fixed_dictionaries(
    {},
    optional={
        "enabled": VALUES,
        "evaluationMode": st.sampled_from(["AND", "OR", "XOR"]),
        "metrics": st.lists(st.fixed_dictionaries({"metric": TEXTS, "threshold": VALUES})),
    },
)
# All fields of all kinds: what a kind does not have is an unknown field of it.
FIELDS = {
    "metric": TEXTS,
    "tenant": TEXTS,
    "value": VALUES,
    "was": VALUES,
    "attributes": ATTRIBUTES,
    "occurredAt": st.one_of(INSTANTS, VALUES),
    "at": st.one_of(INSTANTS, VALUES),
    "idempotencyKey": st.one_of(st.none(), TEXTS),
    "unknown": ANYTHING,
    "version": VALUES,
    "event": TEXTS,
    "reason": TEXTS,
    "system": TEXTS,
    "boost": TEXTS,
    "change": st.sampled_from(["started", "finished", "began"]),
    "points": VALUES,
    "achievement": TEXTS,
    "id": TEXTS,
    "start": DATES,
    "end": DATES,
    "day": DATES,
    "on": VALUES,
    "streak": st.one_of(PREFERENCES, ANYTHING),
    "series": st.dictionaries(TEXTS, st.lists(st.one_of(VALUES, TEXTS), max_size=3), max_size=2),
}
KINDS = {
    "metric": ("metric", "value", "attributes", "occurredAt"),
    "achievement": ("achievement", "occurredAt"),
    "user": (),
    "due": ("at",),
    "adjustment": ("system", "points", "reason"),
    "correction": ("event", "metric", "was", "value", "attributes", "at", "day", "reason"),
    "freeze": (),
    "pause": ("id", "start", "end"),
    "pause_removal": ("id",),
    "restore": (),
    "preferences": ("streak",),
    "backfill": ("version", "series"),
    "definitions": ("version",),
    "boost": ("system", "boost", "change", "at"),
    "backfilled": ("version",),
    "hold": ("on",),
}


@st.composite
def inputs(draw):
    """Draw the fields of an input that lacks some that it needs, or has others, now and then."""
    kind = draw(st.sampled_from([*KINDS, *["metric", "due"] * 4]))
    names = {name for name in KINDS[kind] if draw(st.integers(0, 9))}
    names |= draw(st.sets(st.sampled_from(["tenant", "idempotencyKey"])))
    if not draw(st.integers(0, 4)):
        names |= draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=2))
    found = {name: draw(FIELDS[name]) for name in sorted(names)}
    if draw(st.integers(0, 9)):
        found["user"] = draw(USERS)
    if kind != "metric" or draw(st.booleans()):
        found["type"] = kind if draw(st.integers(0, 19)) else draw(ANYTHING)
    return found


@st.composite
def raws(draw):
    """Draw the bytes of an input, some of them damaged."""
    value = draw(inputs())
    if draw(st.booleans()):
        raw = json.dumps(value).encode()
    else:
        raw = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if not draw(st.integers(0, 9)):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.binary(max_size=2)) + raw[at + draw(st.integers(0, 2)) :]
    return raw


def outcome(read, raw):
    """Return what a way of reading says: an input to the last type, or why it is none."""
    try:
        found = read(raw)
    except InvalidInputError as error:
        return str(error)
    return type(found), found, encode(found)


@OFTEN
@given(raw=raws())
@example(raw=b'{"user": "a", "metric": "m", "user": "b", "value": 1, "value": 2}')
@example(raw=b'{"user": "a", "metric": "m", "value": 1, "value": "2"}')
@example(raw=b'{"user": "a", "metric": "m", "type": "metric", "type": "due", "at": "x"}')
def test_both_ways_read_the_same(raw):
    assert outcome(read_input, raw) == outcome(_read_carefully, raw)


@OFTEN
@given(raw=raws())
@example(raw=b'{"": 0, "type": []}')
def test_every_refusal_is_a_sentence_that_names_the_field(raw):
    said = outcome(read_input, raw)
    if not isinstance(said, str):
        return
    assert "\0" not in said
    said.encode()
    # Nothing of how it was found out.
    assert not re.search(r"`|Expected|\$\[|Traceback|Error|msgspec|decimal\.", said), said
    if said.startswith(("not JSON", "an input must be a JSON object")):
        return
    for problem in said.split("; "):
        path, colon, words = problem.partition(": ")
        assert colon or re.fullmatch(r"and \d+ more", path), said
        assert path
        assert not colon or re.match(WORDS, words), said


# How each begins. Where a time zone is wrong, it is quoted.
WORDS = r"must |is |cannot be |unknown field|has |'.*' is not an IANA time zone"


def is_common(raw):
    """Tell whether bytes are an event that is read the quick way."""
    try:
        event = _METRIC_EVENT.decode(raw)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return _is_common(event, raw)


def test_the_common_form_is_common():
    words = {
        "user": "ada",
        "metric": "commits",
        "value": 3,
        "attributes": {"kind": "merge"},
        "occurredAt": "2026-03-02T12:00:00.5Z",
        "idempotencyKey": "k",
    }
    for missing in ("", "value", "attributes", "occurredAt", "idempotencyKey"):
        raw = json.dumps({key: it for key, it in words.items() if key != missing}).encode()
        assert is_common(raw)
    assert is_common(json.dumps(words | {"user": {"id": "ada", "tz": "Asia/Tokyo"}}).encode())
    assert not is_common(json.dumps(words | {"value": 0.5}).encode())
    assert not is_common(json.dumps(words | {"user": "\u00e9"}).encode())


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"null", b"\xff", b'{"user": "a", "user": "b"}'])
def test_what_is_no_event_is_looked_at_carefully(raw):
    assert not is_common(raw)
    with pytest.raises(InvalidInputError):
        read_input(raw)
    with pytest.raises(InvalidInputError):
        _read_typed(raw)


def test_of_a_name_that_comes_twice_both_take_the_last():
    raw = b'{"user": "a", "metric": "m", "user": "b", "value": 1, "value": 2}'
    assert is_common(raw)
    assert read_input(raw) == _read_carefully(raw) == MetricEvent("b", "m", 2)
