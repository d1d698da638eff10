"""What strangers can make the log say: one line of a kind in a while, and no file without end."""

import logging
import signal
import sys
import time

import httpx
import pytest
import structlog

from broker.connection import Connection
from gateway.http import middleware
from gateway.http.dependencies import LetIn
from gateway.http.repeats import EVERY_S, KINDS_MAX, NoRepeats, Repeats
from gateway.server import GatewayConfig, build_server, in_front
from ops.embedded import process
from ops.embedded.process import Child


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that a test moves by hand."""

    class Clock:
        now_s = 1000.0

    monkeypatch.setattr("time.monotonic", lambda: Clock.now_s)
    return Clock


@pytest.fixture
async def client(monkeypatch):
    monkeypatch.setattr(middleware, "_STRANGERS", Repeats())
    app = build_server(GatewayConfig(Connection("127.0.0.1:1"), "postgresql://x@127.0.0.1:1/x"))
    transport = httpx.ASGITransport(in_front(app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as found:
        yield found


def answered(logs):
    return [line for line in logs if line["event"] == "request.answered"]


async def test_of_the_answers_to_strangers_one_of_a_kind_is_logged_in_a_while(client, clock):
    body = {"user": {"id": "u"}, "value": 1}
    with structlog.testing.capture_logs() as logs:
        for number in range(100):
            await client.get(f"/nothing/{number}")
            await client.get(f"/v1/users/{number}/metrics")
            await client.post(f"/v1/metrics/m{number}/event", json=body)
            await client.put("/healthz")
    assert {(line["route"], line["status"]) for line in answered(logs)} == {
        ("unknown", 404),
        ("/v1/users/{id}/metrics", 401),
        ("/v1/metrics/{key}/event", 401),
        ("/healthz", 405),
    }
    assert len(answered(logs)) == 4
    clock.now_s += EVERY_S
    with structlog.testing.capture_logs() as logs:
        await client.get("/nothing")
        await client.get("/nothing")
    (line,) = answered(logs)
    assert line["repeated"] == 99


async def test_the_answers_to_who_has_a_key_are_all_logged(client, monkeypatch):
    async def let_in(*_):
        return LetIn("default", is_admin=True, user=None)

    monkeypatch.setattr("gateway.http.dependencies.authorized", let_in)
    monkeypatch.setattr("gateway.application.event_route.authorized", let_in)
    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            # Nothing is there to be asked: what counts is that each has its line.
            await client.get("/v1/achievements")
            await client.post("/v1/metrics/m/event", content=b"")
    assert len(answered(logs)) == 10


def test_no_more_kinds_are_remembered_than_is_bounded(clock):
    repeats = Repeats()
    for number in range(2 * KINDS_MAX):
        assert repeats.dropped(number) == 0
    assert len(repeats._kinds) == KINDS_MAX
    assert repeats.dropped(2 * KINDS_MAX - 1) is None
    clock.now_s += EVERY_S
    assert repeats.dropped(2 * KINDS_MAX - 1) == 1


def test_a_librarys_warning_about_bad_requests_is_written_once_and_its_errors_always(clock):
    written = []

    class Keeping(logging.Handler):
        def emit(self, record):
            written.append(record.getMessage())

    logger = logging.getLogger("test.uvicorn")
    logger.addHandler(Keeping())
    logger.addFilter(NoRepeats())
    for _ in range(3):
        logger.warning("Invalid HTTP request received.")
        logger.error("A bug.")
    clock.now_s += EVERY_S
    logger.warning("Invalid HTTP request received.")
    assert written == [
        "Invalid HTTP request received.",
        *["A bug."] * 3,
        "Invalid HTTP request received. (2 more since the last of these lines)",
    ]


def test_the_log_of_a_part_turns_by_size_while_the_part_goes_on_writing(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "LOG_BYTES_MAX", 50_000)
    script = "import time\nfor n in range(10**9): print(f'line {n}', flush=True); time.sleep(1e-4)"
    child = Child("talker", tmp_path, marks=("talker",), stop_signal=signal.SIGTERM).claim()
    child.start([sys.executable, "-c", script, "talker"])
    aside = child.log.with_suffix(".log.1")
    try:
        most, turns, deadline = 0, 0, time.monotonic() + 60
        while turns < 3 and time.monotonic() < deadline:
            size = child.log.stat().st_size if child.log.exists() else 0
            child.turn_log()
            turns += child.log.exists() and child.log.stat().st_size < size
            most = max(most, size)
            time.sleep(0.01)
    finally:
        child.stop(5)
    assert turns == 3
    assert most < 2 * 50_000
    assert aside.stat().st_size > 50_000
    # The child writes to the end of what is there: no hole where the old lines were.
    assert b"\0" not in child.log.read_bytes()
    last_aside = aside.read_text().splitlines()[-1]
    assert int(child.log_tail(1).removeprefix("line ")) > int(last_aside.removeprefix("line "))
