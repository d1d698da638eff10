"""What comes in: which bytes are an event, and what their producer is told if they are none."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from schemas.events import DefinitionsMarker, InvalidInputError, MetricEvent, read_input


def raw(**fields):
    """Return the bytes of an event with these fields instead of the usual ones."""
    return json.dumps({"user": "ada", "metric": "commits", **fields}).encode()


def valued(text):
    """Return the bytes of an event with this text in the place of its value."""
    return b'{"user":"ada","metric":"commits","value":' + text.encode() + b"}"


def read(bytes_):
    """Return the metric event that the bytes are."""
    event = read_input(bytes_)
    assert isinstance(event, MetricEvent)
    return event


def test_the_shortest_event_is_a_user_and_a_metric():
    event = read(raw())
    assert (event.tenant, event.user.id, event.metric) == ("default", "ada", "commits")
    assert (event.value, event.occurredAt, event.idempotencyKey) == (None, None, None)
    assert event.attributes == {}


def test_the_longest_event_has_all_fields():
    event = read(
        raw(
            type="metric",
            tenant="acme",
            user={
                "id": "ada",
                "tz": "Europe/Berlin",
                "attributes": {"team": "red", "city": None},
                "name": "Ada",
                "email": "ada@example.org",
                "deviceTokens": ["t"],
                "subscribeToEmails": False,
            },
            value=-1.5,
            attributes={"kind": "merge"},
            occurredAt="2026-03-02T13:00:00+01:00",
            idempotencyKey="k",
        )
    )
    assert event.value == Decimal("-1.5")
    assert event.occurredAt == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert event.user.attributes == {"team": "red", "city": None}
    assert event.user.profile() == {
        "name": "Ada",
        "email": "ada@example.org",
        "deviceTokens": ["t"],
        "subscribeToEmails": False,
    }


def test_a_personal_field_that_is_null_is_given_and_one_left_out_is_not():
    assert read(raw(user={"id": "ada", "name": None})).user.profile() == {"name": None}
    assert read(raw()).user.profile() == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", "0.1"),
        ("-3", "-3"),
        ("0", "0"),
        ("-0.0", "0"),
        ("1e3", "1000"),
        ("999999999999999999", "999999999999999999"),
        ("1e-30", "1e-30"),
        # A double is read as its shortest form.
        ("0.1000000000000000055511151231257827", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
    ],
)
def test_a_value_is_exact(text, value):
    assert read(valued(text)).value == Decimal(value)


def test_a_value_of_null_is_one_left_out():
    assert read(valued("null")).value is None


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [
        # No JSON, or no object.
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b'{"user":"\\ud800","metric":"commits"}', "Invalid JSON"),
        (b"[" * 60_000, "Invalid JSON"),
        (b"[]", "should be an object"),
        (b"null", "should be an object"),
        (b'"ada"', "should be an object"),
        # Values.
        (valued("NaN"), "value: Input should be a finite number"),
        (valued("Infinity"), "value: Input should be a finite number"),
        (valued("-Infinity"), "value: Input should be a finite number"),
        (valued("1e999"), "value: Input should be a finite number"),
        (valued("1e18"), "value: must be smaller than 10^18"),
        (valued("-1e18"), "value: must be smaller than 10^18"),
        (valued("1" * 400), "value: must be smaller than 10^18"),
        (valued("1" * 60_000), "Invalid JSON"),
        (valued("1e-31"), "value: must have at most 30 decimal places"),
        (valued("true"), "value: must be a number"),
        (valued('"1"'), "value: must be a number"),
        (valued("[1]"), "value: "),
        (valued("{}"), "value: "),
        # Missing, unknown and of the wrong type.
        (b"{}", "user: is required; metric: is required"),
        (b'{"user":"ada"}', "metric: is required"),
        (b'{"metric":"commits"}', "user: is required"),
        (raw(amount=1), "amount: unknown field"),
        (raw(user={"id": "ada", "plan": "pro"}), "user.plan: unknown field"),
        (raw(metric=7), "metric: "),
        (raw(metric="a b"), "metric: "),
        (raw(metric=""), "metric: "),
        (raw(metric="m" * 256), "metric: "),
        (raw(tenant="a/b"), "tenant: "),
        (raw(type="metrics"), "type: "),
        (raw(user=7), "user: "),
        (raw(user={}), "user.id: is required"),
        (raw(user=""), "user.id: "),
        (raw(user="u" * 256), "user.id: "),
        (raw(user={"id": 7}), "user.id: "),
        (raw(user={"id": "ada", "tz": "Berlin"}), "user.tz: 'Berlin' is not an IANA time zone"),
        (raw(user={"id": "ada", "tz": "../../etc/passwd"}), "is not an IANA time zone"),
        (raw(user={"id": "ada", "attributes": {"a": 1}}), "user.attributes.a: "),
        (raw(user={"id": "ada", "attributes": {"a": "x" * 1025}}), "user.attributes.a: "),
        (raw(attributes={"a": None}), "attributes.a: "),
        (raw(attributes={"a": True}), "attributes.a: "),
        (raw(attributes={str(key): "" for key in range(101)}), "attributes: "),
        (raw(attributes=[]), "attributes: "),
        (raw(idempotencyKey=""), "idempotencyKey: "),
        (raw(idempotencyKey="k" * 256), "idempotencyKey: "),
        (raw(idempotencyKey=7), "idempotencyKey: "),
        # Instants.
        (raw(occurredAt="2026-03-02T12:00:00"), "occurredAt: Input should have timezone info"),
        (raw(occurredAt="2026-03-02"), "occurredAt: Input should have timezone info"),
        (raw(occurredAt="yesterday"), "occurredAt: "),
        (raw(occurredAt="2026-02-30T12:00:00Z"), "occurredAt: "),
        (raw(occurredAt=1_700_000_000), "occurredAt: must be an ISO 8601 date and time"),
        (raw(occurredAt=True), "occurredAt: must be an ISO 8601 date and time"),
        # A character that Postgres keeps in no text.
        (raw(user="a\0"), "user.id: must not contain the character U+0000"),
        (raw(user={"id": "ada", "name": "a\0"}), "user.name: must not contain"),
        (raw(user={"id": "ada", "attributes": {"a": "\0"}}), "must not contain"),
        (raw(attributes={"\0": "a"}), "must not contain"),
        (raw(idempotencyKey="\0"), "idempotencyKey: must not contain"),
        # Markers.
        (b'{"type":"definitions","version":0}', "version: Input should be greater"),
        (b'{"type":"definitions"}', "version: is required"),
        (b'{"type":"due","user":"ada"}', "at: is required"),
        (b'{"type":"adjustment","user":"a","system":"xp","points":0,"reason":"x"}', "points: must"),
    ],
)
def test_what_is_no_event_is_explained(bytes_, text):
    with pytest.raises(InvalidInputError) as caught:
        read_input(bytes_)
    assert text in str(caught.value)


def test_a_user_id_may_have_255_characters_of_any_kind_but_one():
    assert read(raw(user="é" * 255)).user.id == "é" * 255
    assert read(raw(user="a/b c\n\u2028")).user.id == "a/b c\n\u2028"


def test_many_problems_are_counted_and_not_all_told():
    with pytest.raises(InvalidInputError, match=r"and 4 more$"):
        read_input(raw(**{f"x{index}": 1 for index in range(9)}))


def test_a_marker_names_a_version():
    assert read_input(b'{"type":"definitions","version":3,"tenant":"acme"}') == DefinitionsMarker(
        type="definitions", tenant="acme", version=3
    )


def test_an_event_that_only_speaks_of_definitions_is_an_event():
    assert isinstance(read_input(raw(type="metric", user="definitions")), MetricEvent)


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_an_instant_at_the_edge_of_the_calendar_is_no_event(at):
    with pytest.raises(InvalidInputError):
        read_input(raw(occurredAt=at))


def test_a_text_of_digits_is_no_instant():
    with pytest.raises(InvalidInputError):
        read_input(raw(occurredAt="1700000000"))


def test_no_explanation_contains_a_nul():
    with pytest.raises(InvalidInputError) as caught:
        read_input(raw(**{"\0": 1}))
    assert "\0" not in str(caught.value)


def test_a_marker_of_version_true_is_none():
    with pytest.raises(InvalidInputError):
        read_input(b'{"type":"definitions","version":true}')
