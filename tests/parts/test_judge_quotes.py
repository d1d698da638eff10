"""The ledger is for ever: why an input is dead is on it without what only the input says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.judged import Lane

from schemas.inputs.reading import InvalidInputError, read_input

PRIVATE = "ann@example.com"


@pytest.fixture
def lane(store):
    return Lane(store)


def words(**fields):
    return {"user": "ada", "metric": "commits", **fields}


DEAD = [
    (words(user={"id": "ada", "tz": PRIVATE}), "user.tz: is not an IANA time zone"),
    (words(user={"id": "ada", PRIVATE: 1}), "user: unknown field"),
    (words(**{PRIVATE: 1}), "unknown field"),
    (words(attributes={PRIVATE: 1}), "attributes: must be a text, not a whole number"),
    (words(metric=PRIVATE), "metric: must have letters, digits, _ and - only, and at least one"),
    (words(value=PRIVATE), "value: must be a number"),
    (words(occurredAt=PRIVATE), "occurredAt: must be an ISO 8601 date and time with offset"),
    (words(idempotencyKey=[PRIVATE]), "idempotencyKey: must be a text, not a list"),
    (words(idempotencyKey=PRIVATE * 99), "idempotencyKey: must have at most 255 characters"),
    (words(user={"id": "ada", "name": PRIVATE * 99}), "user.name: must have at most 1024 char"),
    (words(user={"id": "ada", "deviceTokens": [PRIVATE, 1]}), "user.deviceTokens.1: must be a"),
    (words(tenant=PRIVATE), "tenant: must have letters, digits, _ and - only, and at least one"),
    (words(user=f"{PRIVATE}\0"), "must not contain the character U+0000"),
    (words(**{f"{PRIVATE}\0": 1}), "must not contain the character U+0000; unknown field"),
    (words(type=PRIVATE), "type: is none of those that it can be"),
    ({"type": "preferences", "user": "ada", "streak": {"evaluationMode": PRIVATE}}, "streak.eval"),
    ({"type": "boost", "system": "xp", "boost": "b", "change": PRIVATE, "at": PRIVATE}, "change: "),
    ({"type": "pause", "user": "ada", "id": "p", "start": PRIVATE, "end": PRIVATE}, "start: must"),
    (
        {"type": "backfill", "user": "ada", "version": 1, "series": {PRIVATE: [10**50, 1]}},
        "series: must have at most 40 digits and 18 decimal places",
    ),
    ([PRIVATE], "an input must be a JSON object"),
    (PRIVATE, "an input must be a JSON object"),
]


@pytest.mark.parametrize(("given_words", "reason"), DEAD)
def test_a_reason_on_the_ledger_quotes_nothing(lane, given_words, reason):
    raw = json.dumps(given_words).encode()
    pending = lane.judge(raw)
    assert pending.record.outcome == "dead"
    assert pending.record.reason.startswith(reason)
    assert PRIVATE.encode() not in pending.raw
    # The letter has the bytes anyway, and is gone after a month.
    (letter,) = pending.sends
    assert dict(letter.headers)["xp-reason"].decode() == told(raw)[:2000] + (
        " …" if len(told(raw)) > 2000 else ""
    )


def told(raw):
    """Return what whoever sent it is told."""
    with pytest.raises(InvalidInputError) as error:
        read_input(raw)
    return str(error.value)


def test_whoever_sent_it_is_told_in_full():
    assert told(json.dumps(DEAD[0][0]).encode()) == f"user.tz: '{PRIVATE}' is not an IANA time zone"
    assert told(json.dumps(DEAD[2][0]).encode()) == f"{PRIVATE}: unknown field"


def test_an_error_of_our_own_is_named_by_its_kind(lane):
    lane.event()

    def fail(*_):
        raise KeyError(PRIVATE)

    lane.context.ruleset = fail
    pending = lane.event()
    assert pending.record.reason == "internal error: KeyError"
    said = dict(pending.sends[0].headers)["xp-reason"].decode()
    assert said == f"internal error: KeyError('{PRIVATE}')"


OURS = ["user", "id", "tz", "metric", "type", "attributes", "streak", "metrics", "series", "at"]
JSON = st.recursive(
    st.just(PRIVATE) | st.integers() | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.just(PRIVATE) | st.sampled_from(OURS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KINDS = ["metric", "user", "achievement", "preferences", "backfill", "pause", "boost", PRIVATE]


@given(JSON, st.sampled_from(KINDS))
def test_nothing_that_is_dead_is_quoted(value, kind):
    if isinstance(value, dict):
        value = {**value, "type": kind}
    raw = json.dumps(value).encode()
    refused = None
    try:
        read_input(raw)
    except InvalidInputError as error:
        refused = error
    assert refused is None or PRIVATE not in refused.kind
