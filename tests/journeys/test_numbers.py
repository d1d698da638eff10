"""Values over HTTP, through the whole system: exact on the ledger and in the rows, or refused."""

from decimal import Decimal

import httpx
import psycopg
import pytest
from journeys.system import wait_until

from broker.ledger import LedgerReader, Position
from schemas.entries import CorrectionEntry, TotalEntry
from schemas.inputs import RecordedCorrection, RecordedEvent
from schemas.records import event_id_of

GAME = """
metrics:
  - {key: km, name: Kilometres}
points:
  - key: xp
    name: XP
    triggers:
      - {key: each, type: metric, metric: km, metricThreshold: 1, points: 1}
"""
PARTITIONS = 4
PATIENCE_S = 30
FINE = Decimal("0.123456789012345678")
TOO_LARGE = "value: must be smaller than 10^15"
REFUSED = {
    "123456789012345678.25": TOO_LARGE,
    "9007199254740993.0": TOO_LARGE,
    "9223372036854775807": TOO_LARGE,
    "1e-400": "value: must have at most 18 decimal places",
}


@pytest.fixture
def system(make_system, tmp_path):
    """Return a system with every part running and a game of one metric."""
    made = make_system(XP_VERDICT_TIMEOUT_S="45")
    (tmp_path / "game.yaml").write_text(GAME)
    made.xp("apply", str(tmp_path / "game.yaml"))
    made.start()
    made.wait_ready()
    return made


def send(system, path, body, key):
    headers = {"X-API-KEY": system.api_key, "Idempotency-Key": key}
    return httpx.post(f"{system.url}{path}", headers=headers, content=body, timeout=60)


def post(system, user, number, key):
    """Post an event whose value is written like this, and return the answer."""
    body = f'{{"user": {{"id": "{user}"}}, "value": {number}}}'
    return send(system, "/v1/metrics/km/event", body, key)


def correct(system, event, number, key):
    """Correct an event to a value that is written like this, and return the answer."""
    body = f'{{"value": {number}, "reason": "typo"}}'
    return send(system, f"/admin/v1/events/{event}/correction", body, key)


async def records_of(system, user):
    """Return the records of a user that count."""
    positions = {it: Position() for it in range(PARTITIONS)}
    found = []
    async with LedgerReader(system.connection, system.topics.ledger, positions) as reader:
        while await reader.lag():
            for batch in (await reader.read()).values():
                found += [record for _offset, record in batch.records if record.user == user]
    return found


def of_type(kind, record):
    """Return the one entry of a record that is of a kind."""
    (found,) = [it for it in record.entries if isinstance(it, kind)]
    return found


def row_of(system, user):
    """Return what Postgres has of a user's total, as text."""
    with psycopg.connect(system.dsn) as database:
        query = "SELECT total::text FROM read.totals WHERE user_id = %s"
        row = database.execute(query, [user]).fetchone()
    return row and row[0]


async def test_values_are_exact_on_the_ledger_and_in_the_rows(system):
    sums = [FINE, FINE + 5, 2 * FINE + 5]
    for number, key in ((str(FINE), "a"), ("5.0", "b"), (str(FINE), "c")):
        answer = post(system, "ann", number, key)
        assert answer.status_code == 201, answer.text
    assert answer.json()["total"] == float(sums[-1])
    records = await records_of(system, "ann")
    given = [it.input for it in records]
    assert all(isinstance(it, RecordedEvent) for it in given)
    assert [it.value for it in given] == [FINE, 5, FINE]
    assert type(given[1].value) is int
    assert [of_type(TotalEntry, it).total for it in records] == sums
    wait_until(lambda: row_of(system, "ann") == str(sums[-1]), PATIENCE_S)


async def test_a_value_that_does_not_fit_is_refused_and_its_key_is_free(system):
    for number, words in REFUSED.items():
        answer = post(system, "bob", number, "once")
        assert (answer.status_code, answer.json()) == (422, {"error": words})
    assert await records_of(system, "bob") == []
    answer = post(system, "bob", "5.0", "once")
    assert (answer.status_code, answer.json()["idempotentReplayed"]) == (201, False)
    # And from now on it is used.
    answer = post(system, "bob", "5.0", "once")
    assert (answer.status_code, answer.json()["idempotentReplayed"]) == (202, True)
    assert answer.json()["total"] == 5


async def test_a_correction_is_exact_or_refused_with_its_key_free(system):
    event = post(system, "cem", "999999999999999.5", "first").json()["eventId"]
    for number, words in REFUSED.items():
        answer = correct(system, event, number, "once")
        assert answer.status_code == 422
        assert words.removeprefix("value: ") in answer.json()["error"]
    answer = correct(system, event, str(FINE), "once")
    assert answer.status_code == 201, answer.text
    record = (await records_of(system, "cem"))[-1]
    assert event_id_of(record) == answer.json()["id"]
    assert isinstance(record.input, RecordedCorrection)
    assert (record.input.was, record.input.value) == (Decimal("999999999999999.5"), FINE)
    found = of_type(CorrectionEntry, record)
    assert (found.before, found.after) == (Decimal("999999999999999.5"), FINE)
    moved = of_type(TotalEntry, record)
    assert moved.change == Decimal("-999999999999999.376543210987654322")
    assert moved.total == FINE
    effects = {it["kind"]: it for it in answer.json()["effects"]}
    assert effects["correction"]["after"] == str(FINE)
    assert correct(system, event, str(FINE), "once").json()["outcome"] == "replayed"
    # Whole again, whichever way it is written.
    answer = correct(system, event, "5.0", "twice")
    assert {it["kind"]: it for it in answer.json()["effects"]}["total"]["total"] == 5
    wait_until(lambda: row_of(system, "cem") == "5", PATIENCE_S)
