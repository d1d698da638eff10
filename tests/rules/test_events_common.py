"""The quick way to read an event of the common form: it says what the models say, or nothing."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import InvalidInputError, MetricEvent, _read_common, read_input

EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "600"))

TEXTS = st.one_of(
    st.sampled_from(["ada", "", "a b", "a\0", "com-mits_1", "x\n", "\u00e9", "u" * 255, "u" * 256]),
    st.text(max_size=8),
)
INSTANTS = st.one_of(
    st.sampled_from(
        [
            "2026-03-02T12:00:00Z",
            "2026-03-02T12:00:00.123456Z",
            "2026-03-02T12:00:00.1234567Z",
            "2026-03-02T12:00:00+00:00",
            "2026-03-02T12:00:00-00:00",
            "2026-03-02T12:00:00+01:00",
            "2026-03-02T12:00Z",
            "2026-03-02 12:00:00Z",
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
VALUES = st.one_of(
    st.integers(-(10**19), 10**19),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.just("1"),
)
EVENTS = st.fixed_dictionaries(
    {"user": st.one_of(TEXTS, st.fixed_dictionaries({"id": TEXTS}))},
    optional={
        "metric": TEXTS,
        "tenant": TEXTS,
        "type": st.sampled_from(["metric", "definitions", "x"]),
        "value": VALUES,
        "attributes": st.one_of(st.none(), st.dictionaries(TEXTS, st.one_of(TEXTS, VALUES))),
        "occurredAt": st.one_of(INSTANTS, VALUES),
        "idempotencyKey": st.one_of(st.none(), TEXTS),
        "unknown": VALUES,
    },
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(event=EVENTS)
def test_both_ways_read_the_same(event):
    raw = json.dumps(event).encode()
    common = _read_common(raw)
    if common is None:
        return
    model = MetricEvent.model_validate_json(raw)
    assert common == model
    assert common.model_fields_set == model.model_fields_set
    assert common.user.model_fields_set == model.user.model_fields_set
    assert common.model_dump_json() == model.model_dump_json()


def test_the_common_form_is_common():
    told = {
        "user": "ada",
        "metric": "commits",
        "value": 3,
        "attributes": {"kind": "merge"},
        "occurredAt": "2026-03-02T12:00:00.5Z",
        "idempotencyKey": "k",
    }
    for missing in ("", "value", "attributes", "occurredAt", "idempotencyKey"):
        raw = json.dumps({key: it for key, it in told.items() if key != missing}).encode()
        assert _read_common(raw) is not None
    assert _read_common(json.dumps(told | {"user": {"id": "ada"}}).encode()) is None


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"null", b"\xff", b'{"user": "a", "user": "b"}'])
def test_what_is_no_event_is_left_to_the_models(raw):
    assert _read_common(raw) is None
    with pytest.raises(InvalidInputError):
        read_input(raw)


def test_of_a_name_that_comes_twice_both_take_the_last():
    raw = b'{"user": "a", "metric": "m", "user": "b", "value": 1, "value": 2}'
    common = _read_common(raw)
    assert common is not None
    assert common == MetricEvent.model_validate_json(raw)
