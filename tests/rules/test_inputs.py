"""What comes in: which bytes are an event, and what their producer is told if they are none."""

import json
from datetime import UTC, datetime

import pytest

from schemas.inputs import DefinitionsMarker, MetricEvent
from schemas.inputs.reading import InvalidInputError, read_input
from schemas.instants import instant, read_instant
from schemas.numbers import read_number


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
    assert (event.tenant, event.user, event.metric) == ("default", "ada", "commits")
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
    assert event.value == read_number("-1.5")
    assert instant(read_instant(event.occurredAt)) == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert event.user.attributes == {"team": "red", "city": None}
    assert event.user.profile() == {
        "name": "Ada",
        "email": "ada@example.org",
        "deviceTokens": ["t"],
        "subscribeToEmails": False,
    }


def test_a_personal_field_that_is_null_is_given_and_one_left_out_is_not():
    assert read(raw(user={"id": "ada", "name": None})).user.profile() == {"name": None}
    assert read(raw(user={"id": "ada"})).user.profile() == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", "0.1"),
        ("-3", "-3"),
        ("0", "0"),
        ("-0.0", "0"),
        ("-0", "0"),
        ("0e999999", "0"),
        ("5.0", "5"),
        ("1e3", "1000"),
        ("1.5E+1", "15"),
        ("999999999999999", "999999999999999"),
        ("-999999999999999.999999999999999999", "-999999999999999.999999999999999999"),
        ("1e-18", "0.000000000000000001"),
        ("0.10000000000000000000", "0.1"),
        # By its text, not by the double that is next to it.
        ("0.100000000000000006", "0.100000000000000006"),
        ("0.30000000000000004", "0.30000000000000004"),
    ],
)
def test_a_value_is_exact_and_has_one_form(text, value):
    found = read(valued(text)).value
    assert found == read_number(value)
    assert (type(found), str(found)) == (type(read_number(value)), str(read_number(value)))


def test_a_value_of_null_is_one_left_out():
    assert read(valued("null")).value is None


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [
        # No JSON, or no object.
        (b"", "not JSON: it ends too early"),
        (b"{", "not JSON: it ends too early"),
        (b"\xff\xfe", "not JSON: invalid"),
        (b'{"user":"\\ud800","metric":"commits"}', "not JSON: unexpected end of escaped utf-16"),
        (b"[" * 60_000, "not JSON that can be read: it is nested too deeply"),
        (b"[]", "an input must be a JSON object"),
        (b"null", "an input must be a JSON object"),
        (b'"ada"', "an input must be a JSON object"),
        # Values.
        (valued("NaN"), "not JSON: invalid"),
        (valued("Infinity"), "not JSON: invalid"),
        (valued("-Infinity"), "not JSON: invalid"),
        (valued("1e999"), "value: must be smaller than 10^15"),
        (valued("1e15"), "value: must be smaller than 10^15"),
        (valued("-1e15"), "value: must be smaller than 10^15"),
        (valued("1" * 400), "value: must be smaller than 10^15"),
        (valued("1" * 60_000), "not JSON that can be read: a number has too many digits"),
        (valued("1e-19"), "value: must have at most 18 decimal places"),
        (valued("0.1000000000000000055511151231257827"), "value: must have at most 18 decimal"),
        (valued("true"), "value: must be a number"),
        (valued('"1"'), "value: must be a number"),
        (valued("[1]"), "value: must be a number, not a list"),
        (valued("{}"), "value: must be a number, not an object"),
        # Missing, unknown and of the wrong type.
        (b"{}", "user: is required; metric: is required"),
        (b'{"user":"ada"}', "metric: is required"),
        (b'{"metric":"commits"}', "user: is required"),
        (raw(amount=1), "amount: unknown field"),
        (raw(user={"id": "ada", "plan": "pro"}), "user.plan: unknown field"),
        (raw(metric=7), "metric: must be a text, not a whole number"),
        (raw(metric="a b"), "metric: must have letters, digits, _ and - only, and at least"),
        (raw(metric=""), "metric: must have letters, digits, _ and - only, and at least one"),
        (raw(metric="m" * 256), "metric: must have at most 255 characters"),
        (raw(tenant="a/b"), "tenant: must have letters, digits, _ and - only, and at least"),
        (raw(type="metrics"), "type: cannot be 'metrics'"),
        (raw(user=7), "user: must be a text or an object, not a whole number"),
        (raw(user={}), "user.id: is required"),
        (raw(user=""), "user: must not be empty"),
        (raw(user="u" * 256), "user: must have at most 255 characters"),
        (raw(user={"id": ""}), "user.id: must not be empty"),
        (raw(user={"id": 7}), "user.id: must be a text, not a whole number"),
        (raw(user={"id": "ada", "tz": "Berlin"}), "user.tz: 'Berlin' is not an IANA time zone"),
        (raw(user={"id": "ada", "tz": "../../etc/passwd"}), "is not an IANA time zone"),
        (raw(user={"id": "ada", "attributes": {"a": 1}}), "user.attributes.a: must be a text"),
        (
            raw(user={"id": "ada", "attributes": {"a": "x" * 1025}}),
            "user.attributes.a: must have at most 1024 characters",
        ),
        (raw(attributes={"a": None}), "attributes.a: must be a text, not null"),
        (raw(attributes={"a": True}), "attributes.a: must be a text, not true or false"),
        (
            raw(attributes={str(key): "" for key in range(101)}),
            "attributes: must have at most 100 items",
        ),
        (raw(attributes=[]), "attributes: must be an object, not a list"),
        (raw(idempotencyKey=""), "idempotencyKey: must not be empty"),
        (raw(idempotencyKey="k" * 256), "idempotencyKey: must have at most 255 characters"),
        (raw(idempotencyKey=7), "idempotencyKey: must be a text, not a whole number"),
        # Instants.
        (raw(occurredAt="2026-03-02T12:00:00"), "occurredAt: must have an offset from UTC"),
        (raw(occurredAt="2026-03-02"), "occurredAt: must be an ISO 8601 date and time with offset"),
        (raw(occurredAt="yesterday"), "occurredAt: must be an ISO 8601 date and time"),
        (raw(occurredAt="2026-02-30T12:00:00Z"), "occurredAt: is no instant: day is out of range"),
        (raw(occurredAt=1_700_000_000), "occurredAt: must be a text, not a whole number"),
        (raw(occurredAt=True), "occurredAt: must be a text, not true or false"),
        # A character that Postgres keeps in no text.
        (raw(user="a\0"), "user: must not contain the character U+0000"),
        (raw(user={"id": "a\0"}), "user.id: must not contain the character U+0000"),
        (raw(user={"id": "ada", "name": "a\0"}), "user.name: must not contain"),
        (raw(user={"id": "ada", "attributes": {"a": "\0"}}), "user.attributes.a: must not"),
        (raw(attributes={"\0": "a"}), "attributes.\\0: must not contain"),
        (raw(idempotencyKey="\0"), "idempotencyKey: must not contain"),
        # Markers.
        (b'{"type":"definitions","version":0}', "version: must be at least 1"),
        (b'{"type":"definitions"}', "version: is required"),
        (b'{"type":"due","user":"ada"}', "at: is required"),
        (
            b'{"type":"adjustment","user":"a","system":"xp","points":0,"reason":"x"}',
            "points: must not be 0",
        ),
    ],
)
def test_what_is_no_event_is_explained(bytes_, text):
    with pytest.raises(InvalidInputError) as caught:
        read_input(bytes_)
    assert text in str(caught.value)


def test_a_user_id_may_have_255_characters_of_any_kind_but_one():
    assert read(raw(user="é" * 255)).user == "é" * 255
    assert read(raw(user="a/b c\n\u2028")).user == "a/b c\n\u2028"


def test_many_problems_are_counted_and_not_all_told():
    with pytest.raises(InvalidInputError, match=r"and 4 more$"):
        read_input(raw(**{f"x{index}": 1 for index in range(9)}))


def test_a_marker_names_a_version():
    assert read_input(b'{"type":"definitions","version":3,"tenant":"acme"}') == DefinitionsMarker(
        tenant="acme", version=3
    )


def test_an_event_that_only_speaks_of_definitions_is_an_event():
    assert isinstance(read_input(raw(type="metric", user="definitions")), MetricEvent)


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_an_instant_at_the_edge_of_the_calendar_is_no_event(at):
    with pytest.raises(InvalidInputError, match="between the years 1900 and 8999"):
        read_input(raw(occurredAt=at))


def test_a_text_of_digits_is_no_instant():
    with pytest.raises(InvalidInputError, match="must be an ISO 8601 date and time"):
        read_input(raw(occurredAt="1700000000"))


def test_no_explanation_contains_a_nul():
    with pytest.raises(InvalidInputError) as caught:
        read_input(raw(**{"\0": 1}))
    assert "\0" not in str(caught.value)


def test_a_marker_of_version_true_is_none():
    with pytest.raises(InvalidInputError, match="must be a whole number, not true or false"):
        read_input(b'{"type":"definitions","version":true}')
