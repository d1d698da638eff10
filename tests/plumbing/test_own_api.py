"""The contender that a team writes itself counts right: what it is compared with would be cheap."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest

from benchmarks.peers import own_api

HEADERS = {"X-API-KEY": "secret"}


@pytest.fixture
async def api(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the contender, which runs on a database of its own."""
    async with await psycopg.AsyncConnection.connect(database) as connection:
        await connection.execute(own_api.SCHEMA)
    monkeypatch.setenv(own_api.POSTGRES, database)
    monkeypatch.setenv(own_api.API_KEY, "secret")
    app = own_api.create_app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://own", headers=HEADERS
        ) as client,
    ):
        yield client


async def post(
    api: httpx.AsyncClient, key: str, user: str = "ann", metric: str = "lessons", value: int = 1
) -> httpx.Response:
    body = {"user": {"id": user}, "value": value, "attributes": {"subject": "maths"}}
    return await api.post(
        f"/v1/metrics/{metric}/event", json=body, headers={"Idempotency-Key": key}
    )


async def test_the_same_key_at_once_counts_once_and_has_one_answer(api):
    answers = [it.json() for it in await asyncio.gather(*(post(api, "k") for _ in range(20)))]
    assert sum(it["idempotentReplayed"] for it in answers) == 19
    assert {(it["eventId"], it["total"], it["points"]) for it in answers} == {
        (answers[0]["eventId"], 1, 10)
    }
    assert (await post(api, "another")).json()["total"] == 2


async def test_the_same_key_of_two_users_at_once_counts_once(api):
    await asyncio.gather(*(post(api, "k", user) for user in ("ann", "bob", "ann", "bob")))
    totals = [(await post(api, f"later-{user}", user)).json()["total"] for user in ("ann", "bob")]
    assert sorted(totals) == [1, 2]


async def test_totals_points_and_levels_are_exact_under_concurrency(api):
    made = await asyncio.gather(*(post(api, f"k{number}") for number in range(60)))
    assert {it.status_code for it in made} == {201}
    answers = sorted((it.json() for it in made), key=lambda it: it["total"])
    assert [it["total"] for it in answers] == list(range(1, 61))
    assert [it["points"] for it in answers] == list(range(10, 610, 10))
    assert (answers[3]["level"], answers[4]["level"], answers[-1]["level"]) == (1, 2, 4)


async def test_points_are_awarded_when_a_total_passes_a_threshold(api):
    added = [
        (await post(api, f"k{number}", metric="minutes", value=6)).json()["pointsAdded"]
        for number in range(4)
    ]
    assert added == [0, 2, 0, 2]


async def test_a_wrong_key_and_an_unknown_metric_are_refused(api):
    assert (await post(api, "k", metric="naps")).status_code == 404
    api.headers["X-API-KEY"] = "guessed"
    assert (await post(api, "k")).status_code == 401
