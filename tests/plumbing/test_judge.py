"""From the bytes of one event to its record: every outcome, and what is sent before it."""

import json

import pytest
from given import created, game, points, total
from plumbing.judged import HERE, HTTP, NOON, Lane

from processor.judge import Message, MissingVersionError, Seat, Send, judge
from processor.rules import RULES
from processor.rules.game import compile_game
from processor.state import PartitionState, key_hash
from processor.store import Store
from schemas.topics import EVENT_BYTES_MAX, RECORD_BYTES_MAX

DAY = "2026-03-02"


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "0")
    yield opened
    opened.close()


@pytest.fixture
def lane(store):
    return Lane(store)


# Applied


def test_an_applied_record_says_all_there_is_to_know(lane):
    judged = lane.event(
        user={"id": HERE, "tz": "Asia/Tokyo", "attributes": {"team": "red"}},
        value=2.50,
        attributes={"kind": "merge"},
        occurredAt="2026-03-02T11:00:00+01:00",
        idempotencyKey="k",
    )
    record = judged.record
    assert record == {
        "v": 1,
        "id": "2-0-1",
        "outcome": "applied",
        "at": "2026-03-02T10:00:00Z",
        "appended": "2026-03-02T12:00:00Z",
        "source": (2, 0, 1),
        "after": (2, 0, "token"),
        "lane": "token",
        "tenant": "default",
        "user": HERE,
        "key": "k",
        "definitions": 1,
        "rules": RULES,
        "input": {
            "metric": "commits",
            "value": "2.5",
            "attributes": {"kind": "merge"},
            "tz": "Asia/Tokyo",
            "userAttributes": {"team": "red"},
            "occurredAt": "2026-03-02T10:00:00Z",
        },
        "entries": [
            created(day=DAY, tz="Asia/Tokyo", attributes={"team": "red"}),
            total("2.5", "2.5"),
            points(10, 10),
        ],
        "state": {
            "total": "2.5",
            "streak": {
                "frequency": "daily",
                "length": 0,
                "started": None,
                "periodStart": None,
                "periodEnd": None,
                "expires": None,
            },
        },
    }
    assert (judged.key, judged.sends) == (b"ada", ())


def test_an_event_without_a_time_happened_when_the_log_got_it(lane):
    record = lane.event().record
    assert record["at"] == record["appended"] == "2026-03-02T12:00:00Z"
    assert record["input"] == {"metric": "commits", "value": "1"}


def test_a_value_left_out_is_left_out_of_the_input_and_one_in_the_total(lane):
    record = lane.event(value=None).record
    assert (record["input"], record["state"]["total"]) == ({"metric": "commits"}, "1")


def test_records_form_a_chain(lane):
    records = [lane.event().record, lane.tell(b"{").record, lane.event().record]
    assert [it["after"] for it in records] == [(2, n, "token") for n in (0, 1, 2)]


def test_a_game_without_a_version_in_force_knows_no_metric(store):
    lane = Lane(store)
    assert lane.event(tenant="acme").record["reason"] == (
        "there is no metric 'commits' (known: none)"
    )


# Personal fields

PERSONAL = {
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "deviceTokens": ["token-1"],
    "subscribeToEmails": True,
}


def test_personal_fields_go_to_the_profile_and_never_into_the_record(lane):
    judged = lane.event(user={"id": HERE, **PERSONAL})
    (profile,) = judged.sends
    assert (profile.to, profile.key) == ("profiles", b"default/ada")
    assert json.loads(profile.value) == {"tenant": "default", "user": "ada", **PERSONAL}
    assert not [
        it for it in ("Lovelace", "example.org", "token-1", "mail") if it in str(judged.raw)
    ]
    assert judged.record["entries"] == [created(day=DAY), total(1, 1)]


def test_only_the_personal_fields_that_were_given_are_sent(lane):
    (profile,) = lane.event(user={"id": HERE, "email": None}).sends
    assert json.loads(profile.value) == {"tenant": "default", "user": "ada", "email": None}


@pytest.mark.parametrize(
    "fields", [{"metric": "stars"}, {"idempotencyKey": "used"}], ids=["refused", "replayed"]
)
def test_an_event_that_is_not_applied_changes_no_profile_and_says_nothing_personal(lane, fields):
    lane.event(idempotencyKey="used")
    judged = lane.event(HTTP, user={"id": HERE, **PERSONAL}, **fields)
    assert judged.sends == ()
    assert b"Lovelace" not in judged.raw


def test_a_record_of_a_dead_event_says_nothing_personal(lane):
    judged = lane.event(user={"id": HERE, **PERSONAL, "tz": "Nowhere"})
    assert judged.record["outcome"] == "dead"
    assert b"Lovelace" not in judged.raw


# Replayed


def test_a_key_that_was_used_is_replayed_and_changes_nothing(lane):
    first = lane.event(idempotencyKey="k").record
    lane.event(value=5)
    before = lane.standing()
    judged = lane.event(
        user={"id": HERE, "tz": "Asia/Tokyo", "attributes": {"team": "red"}},
        value=100,
        idempotencyKey="k",
        occurredAt="2026-03-02T12:04:00Z",
    )
    record = judged.record
    assert (record["outcome"], record["first"], record["key"]) == ("replayed", first["id"], "k")
    assert (record["entries"], record["state"]["total"]) == ([], "6")
    assert lane.standing() == before


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "replayed"),
        ({"value": 7}, "replayed"),
        ({"metric": "lines"}, "applied"),
        ({"user": "eve"}, "applied"),
        ({"idempotencyKey": "other"}, "applied"),
        ({"idempotencyKey": None}, "applied"),
    ],
)
def test_a_key_is_one_use_of_it_by_one_user_for_one_metric(lane, fields, outcome):
    lane.event(idempotencyKey="k")
    assert lane.event(**{"idempotencyKey": "k", **fields}).record["outcome"] == outcome


def test_without_a_key_every_event_counts(lane):
    assert [lane.event().record["state"]["total"] for _ in range(3)] == ["1", "2", "3"]


def test_a_refusal_does_not_burn_the_key(lane):
    assert lane.event(attributes={"x": "1"}, idempotencyKey="k").record["outcome"] == "refused"
    assert lane.event(idempotencyKey="k").record["outcome"] == "applied"
    assert lane.event(idempotencyKey="k").record["outcome"] == "replayed"


def test_a_key_that_was_used_does_not_hide_that_the_event_is_wrong(lane):
    lane.event(idempotencyKey="k")
    record = lane.event(idempotencyKey="k", attributes={"x": "1"}).record
    assert (record["outcome"], record["code"]) == ("refused", "invalid")


def test_a_key_is_known_after_a_restart(store, lane):
    lane.event(idempotencyKey="k")
    lane.state.keep(2)
    again = Lane(store)
    again.offset = 2
    assert again.event(idempotencyKey="k").record["first"] == "2-0-1"


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
    assert (record["outcome"], record["code"], record["entries"]) == ("refused", code, [])
    assert text in record["reason"]
    assert "state" not in record
    assert lane.standing() is None


def test_a_refused_event_that_nobody_waits_for_goes_to_the_dead_letters(lane):
    judged = lane.event(metric="stars")
    assert judged.sends == (
        Send(
            "dead-letters",
            b"2-0-1",
            b'{"user": "ada", "metric": "stars", "value": 1}',
            (
                ("xp-outcome", b"refused"),
                ("xp-reason", judged.record["reason"].encode()),
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
    judged = lane.event(user={"id": HERE, **PERSONAL})
    assert (judged.record["outcome"], judged.record["code"]) == ("refused", "invalid")
    assert judged.record["reason"] == "its 3502 effects do not fit into one record"
    assert (judged.record["entries"], "state" in judged.record) == ([], False)
    assert len(judged.raw) < RECORD_BYTES_MAX
    assert [it.to for it in judged.sends] == ["dead-letters"]
    assert lane.standing() is None


# Dead


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "the record has no value"),
        (b"", "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
        (b"[]", "should be an object"),
        (b'{"user":"ada"}', "metric: is required"),
        (b'{"user":"ada","metric":"commits","value":NaN}', "finite"),
        (b" " * (EVENT_BYTES_MAX + 1), "an event may have 65536 bytes, not 65537"),
    ],
)
def test_what_is_no_event_is_dead_and_kept_as_it_came(lane, value, text):
    judged = lane.tell(value)
    record = judged.record
    assert (record["id"], record["outcome"], record["entries"]) == ("2-0-1", "dead", [])
    assert (record["tenant"], record["user"], record["input"]) == ("default", None, None)
    assert text in record["reason"]
    (letter,) = judged.sends
    assert (letter.to, letter.key, letter.value) == ("dead-letters", b"2-0-1", value)
    assert letter.headers[0] == ("xp-outcome", b"dead")
    assert lane.event().record["outcome"] == "applied"


def test_an_event_of_the_largest_size_is_judged(lane):
    short = json.dumps({"user": HERE, "metric": "commits"}).encode()
    assert lane.tell(short.ljust(EVENT_BYTES_MAX)).record["outcome"] == "applied"


@pytest.mark.parametrize("key", [None, b"", b"\xff\0"])
def test_the_key_that_a_dead_letter_came_with_is_told(lane, key):
    (letter,) = lane.tell(b"{", key=key).sends
    assert dict(letter.headers)["xp-key"] == (key or b"")


# Poison: whatever a producer can write, the judge has an outcome for it


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"]
)
def test_an_instant_at_the_edge_of_the_calendar_stops_nobody(lane, at):
    record = lane.event(user={"id": HERE, "tz": "America/New_York"}, occurredAt=at).record
    assert record["outcome"] in ("refused", "dead")


ELSEWHERE = ("xp-forwarded", b"2-7-50")


def test_a_time_header_beyond_the_calendar_stops_nobody(lane):
    headers = (ELSEWHERE, ("xp-time", b"9" * 15))
    assert lane.event(headers).record["appended"] == "2026-03-02T12:00:00Z"


@pytest.mark.parametrize("told", [b"", b"soon", b"-1", b"1e3", b"9" * 16, b"\xff"])
def test_a_time_header_that_is_none_is_ignored(lane, told):
    headers = (ELSEWHERE, ("xp-time", told))
    assert lane.event(headers).record["appended"] == "2026-03-02T12:00:00Z"


def test_a_time_header_counts_only_on_an_event_that_was_forwarded(lane):
    earlier = ("xp-time", str(NOON - 60_000).encode())
    assert lane.event((earlier,)).record["appended"] == "2026-03-02T12:00:00Z"
    assert (
        lane.event((earlier, ("xp-forwarded", b"x"))).record["appended"] == "2026-03-02T12:00:00Z"
    )
    assert lane.event((earlier, ELSEWHERE)).record["appended"] == "2026-03-02T11:59:00Z"


# Forwarded


def test_an_event_on_the_wrong_partition_is_forwarded_to_the_right_one(store):
    lane = Lane(store, partition=0, partitions=2)
    wrong = next(user for user in ("ada", "bob", "eve", "joe") if lane.event(user=user).sends)
    lane.offset = 50
    judged = lane.event(HTTP, user=wrong, idempotencyKey="k")
    record = judged.record
    assert (record["id"], record["outcome"], record["entries"]) == ("2-0-50", "forwarded", [])
    assert (lane.standing(wrong), "state" in record) == (None, False)
    assert judged.sends == (
        Send(
            "events",
            wrong.encode(),
            json.dumps(
                {"user": wrong, "metric": "commits", "value": 1, "idempotencyKey": "k"}
            ).encode(),
            (
                ("xp-forwarded", b"2-0-50"),
                ("xp-time", str(NOON).encode()),
                ("xp-origin", b"http"),
            ),
            1,
        ),
    )
    assert lane.state.first_use(key_hash("default", wrong, "commits", "k")) is None


FORWARDED = (("xp-forwarded", b"2-7-50"), ("xp-time", str(NOON - 60_000).encode()))


def test_a_forwarded_event_keeps_its_id_and_the_time_of_where_it_was_first_found(lane):
    record = lane.event(FORWARDED).record
    assert (record["id"], record["source"]) == ("2-7-50", (2, 0, 1))
    assert record["at"] == record["appended"] == "2026-03-02T11:59:00Z"


def test_a_forwarded_event_counts_once_however_often_it_is_forwarded(lane):
    records = [lane.event(FORWARDED).record for _ in range(3)]
    assert [it["outcome"] for it in records] == ["applied", "replayed", "replayed"]
    assert [it.get("first") for it in records] == [None, "2-7-50", "2-7-50"]
    assert records[-1]["state"]["total"] == "1"
    other = (("xp-forwarded", b"2-7-51"),)
    assert lane.event(other).record["outcome"] == "applied"


def test_it_counts_once_after_a_restart_too(store, lane):
    lane.event(FORWARDED)
    lane.state.keep(2)
    again = Lane(store)
    again.offset = 2
    assert again.event(FORWARDED).record["outcome"] == "replayed"


def test_a_forwarded_event_obeys_its_idempotency_key_as_well(lane):
    lane.event(idempotencyKey="k")
    assert lane.event(FORWARDED, idempotencyKey="k").record["first"] == "2-0-1"


def test_a_forwarded_event_that_is_dead_is_kept_under_its_first_id(lane):
    judged = lane.tell(b"{", FORWARDED)
    assert (judged.record["id"], judged.sends[0].key) == ("2-7-50", b"2-7-50")


# Markers


def test_a_marker_puts_a_version_in_force_for_its_tenant_from_there_on(store):
    lane = Lane(store)
    lane.games["default", 2] = compile_game(game(["stars"]), 2)
    lane.games["acme", 5] = compile_game(game(["stars"]), 5)
    judged = lane.mark(2)
    record = judged.record
    assert (record["outcome"], record["user"], judged.key) == ("applied", None, b"default")
    assert (record["definitions"], record["input"]) == (2, {"type": "definitions", "version": 2})
    assert record["entries"] == [{"kind": "definitions", "version": 2}]
    assert lane.event(metric="stars").record["definitions"] == 2
    assert lane.event(tenant="acme", metric="stars").record["outcome"] == "refused"
    lane.mark(5, tenant="acme")
    assert lane.event(tenant="acme", metric="stars").record["definitions"] == 5


@pytest.mark.parametrize("version", [1, 2])
def test_a_marker_of_a_version_that_was_in_force_already_is_replayed(lane, version):
    lane.games["default", 2] = lane.games["default", 1]
    lane.mark(2)
    record = lane.mark(version).record
    assert (record["outcome"], record["entries"], record["definitions"]) == ("replayed", [], 2)
    assert lane.state.versions == {"default": 2}


def test_a_marker_of_a_version_that_was_not_read_yet_waits_and_changes_nothing(lane):
    before = lane.state.last
    with pytest.raises(MissingVersionError, match="version 3 of tenant 'default'"):
        lane.mark(3)
    assert (lane.state.last, lane.state.versions) == (before, {"default": 1})


def test_a_marker_of_a_version_that_does_not_exist_is_dead_and_stops_nobody(lane):
    raw = json.dumps({"type": "definitions", "version": 3}).encode()
    message = Message(lane.offset, NOON, None, raw, ())
    judged = judge(lane.seat, lane.state, message, {("default", 3)})
    assert (judged.record["outcome"], judged.sends[0].to) == ("dead", "dead-letters")
    assert judged.record["reason"] == "tenant 'default' has no version 3"
    lane.offset += 1
    assert lane.event().record["definitions"] == 1


def test_an_event_waits_for_the_version_in_force_after_a_restart(store, lane):
    lane.state.keep(1)
    again = PartitionState(store, 0)
    seat = Seat(0, 1, 2, "new", lambda _tenant, _version: None)
    raw = json.dumps({"user": HERE, "metric": "commits"}).encode()
    with pytest.raises(MissingVersionError):
        judge(seat, again, Message(1, NOON, None, raw, ()))
    assert again.last == (2, 0, "token")


def test_a_marker_is_judged_on_the_partition_where_it_stands(store):
    # Its key would put it elsewhere: there is one on every partition.
    for partition in (0, 1):
        lane = Lane(store, partition=partition, partitions=2)
        assert lane.state.versions == {"default": 1}
