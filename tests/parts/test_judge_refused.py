"""What does not count: refusals, dead inputs, and poison, for which there is an outcome too."""

import json

import pytest
from parts.judged import HERE, HTTP, NOON, PERSONAL, Lane
from wording.definitions import game

from processor.pending import Send
from schemas.records import appended_text, event_id_of
from schemas.topics import EVENT_BYTES_MAX, RECORD_BYTES_MAX


@pytest.fixture
def lane(store):
    return Lane(store)


# Refused


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"metric": "stars"}, "not_found", "there is no metric 'stars'"),
        ({"attributes": {"x": "1"}}, "invalid", "Invalid attribute keys: x."),
        ({"user": {"id": HERE, "attributes": {"x": "1"}}}, "invalid", "Invalid attribute keys: x."),
        ({"occurredAt": "2026-03-02T12:06:00Z"}, "invalid", "in the future"),
    ],
)
def test_a_refusal_names_its_reason_and_changes_nothing(lane, fields, code, text):
    record = lane.event(**fields).record
    assert (record.outcome, record.code, record.entries) == ("refused", code, [])
    assert text in record.reason
    assert record.state is None
    assert lane.user_state() is None


def test_a_refused_event_that_nobody_waits_for_goes_to_the_dead_letters(lane):
    pending = lane.event(metric="stars")
    assert pending.sends == (
        Send(
            "dead-letters",
            b"2-0-1",
            b'{"user": "ada", "metric": "stars", "value": 1}',
            (
                ("xp-outcome", b"refused"),
                ("xp-reason", pending.record.reason.encode()),
                ("xp-key", b"whatever"),
            ),
        ),
    )


def test_one_that_somebody_waits_for_over_http_does_not(lane):
    assert lane.event(HTTP, metric="stars").sends == ()
    assert len(lane.event((("xp-origin", b"import"),), metric="stars").sends) == 1


def test_a_verdict_that_does_not_fit_into_a_record_is_refused_and_changes_nothing(store):
    triggers = [{"key": f"{n}".rjust(255, "x"), "points": 1} for n in range(3500)]
    lane = Lane(store, game(points={"xp": {"triggers": triggers}}))
    pending = lane.event(user={"id": HERE, **PERSONAL})
    assert (pending.record.outcome, pending.record.code) == ("refused", "invalid")
    assert pending.record.reason == "its 3502 effects do not fit into one record"
    assert (pending.record.entries, pending.record.state) == ([], None)
    assert len(pending.raw) < RECORD_BYTES_MAX
    assert [it.to for it in pending.sends] == ["dead-letters"]
    assert lane.user_state() is None


# Dead


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "the record has no value"),
        (b"", "not JSON: it ends too early"),
        (b"\xff", "not JSON: invalid character (byte 0)"),
        (b"[]", "an input must be a JSON object"),
        (b'{"user":"ada"}', "metric: is required"),
        (
            b'{"user":"ada","metric":"commits","value":NaN}',
            "not JSON: invalid character (byte 41)",
        ),
        (b" " * (EVENT_BYTES_MAX + 1), "an event may have 65536 bytes, not 65537"),
    ],
)
def test_what_is_no_event_is_dead_and_kept_as_it_came(lane, value, text):
    pending = lane.judge(value)
    record = pending.record
    assert (event_id_of(record), record.outcome, record.entries) == ("2-0-1", "dead", [])
    assert (record.tenant, record.user, record.input) == ("default", None, None)
    assert text in record.reason
    (letter,) = pending.sends
    assert (letter.to, letter.key, letter.value) == ("dead-letters", b"2-0-1", value)
    assert letter.headers[0] == ("xp-outcome", b"dead")
    assert lane.event().record.outcome == "applied"


@pytest.mark.parametrize("depth", [50, 200, 330, 490, 900, 980, 1020, 5000])
@pytest.mark.parametrize(("opens", "closes"), [('{"a":', "}"), ("[", "]")])
def test_what_is_nested_however_deep_is_dead_and_no_bug_of_ours(lane, depth, opens, closes):
    nested = f"{opens * depth}1{closes * depth}"
    for value in (nested, f'{{"user": "ada", "metric": "commits", "attributes": {nested}}}'):
        record = lane.judge(value.encode()).record
        assert record.outcome == "dead"
        assert "internal error" not in record.reason
    assert lane.event().record.outcome == "applied"


def test_an_event_of_the_largest_size_is_judged(lane):
    short = json.dumps({"user": HERE, "metric": "commits"}).encode()
    assert lane.judge(short.ljust(EVENT_BYTES_MAX)).record.outcome == "applied"


@pytest.mark.parametrize("key", [None, b"", b"\xff\0"])
def test_the_key_that_a_dead_letter_came_with_is_told(lane, key):
    (letter,) = lane.judge(b"{", key=key).sends
    assert dict(letter.headers)["xp-key"] == (key or b"")


# Poison: whatever a producer can write, the judge has an outcome for it


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"]
)
def test_an_instant_at_the_edge_of_the_calendar_stops_nobody(lane, at):
    record = lane.event(user={"id": HERE, "tz": "America/New_York"}, occurredAt=at).record
    assert record.outcome in ("refused", "dead")


ELSEWHERE = ("xp-forwarded", b"2-7-50")


def test_a_time_header_beyond_the_calendar_stops_nobody(lane):
    headers = (ELSEWHERE, ("xp-time", b"9" * 15))
    assert appended_text(lane.event(headers).record) == "2026-03-02T12:00:00Z"


@pytest.mark.parametrize("told", [b"", b"soon", b"-1", b"1e3", b"9" * 16, b"\xff"])
def test_a_time_header_that_is_none_is_ignored(lane, told):
    headers = (ELSEWHERE, ("xp-time", told))
    assert appended_text(lane.event(headers).record) == "2026-03-02T12:00:00Z"


def test_a_time_header_counts_only_on_an_event_that_was_forwarded(lane):
    earlier = ("xp-time", str(NOON - 60_000).encode())
    assert appended_text(lane.event((earlier,)).record) == "2026-03-02T12:00:00Z"
    assert (
        appended_text(lane.event((earlier, ("xp-forwarded", b"x"))).record)
        == "2026-03-02T12:00:00Z"
    )
    assert appended_text(lane.event((earlier, ELSEWHERE)).record) == "2026-03-02T11:59:00Z"
