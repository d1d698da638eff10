"""Connections that are slow, silent or too many, and requests that end theirs: on the wire."""

import asyncio
import contextlib
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvloop

from broker.connection import Connection
from gateway.http import door
from gateway.http.connections import HEAD_BYTES_MAX
from gateway.http.dependencies import LetIn
from gateway.http.door import LEAST, OTHER_FILES, Limits, room_for
from gateway.server import GatewayConfig, serve
from schemas.topics import EVENT_BYTES_MAX

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
# Far beyond any test, so that only what is tested ends a connection.
NEVER_S = 3600.0
PATIENT = {"head_s": NEVER_S, "body_s": NEVER_S, "reading_s": NEVER_S, "idle_s": 3600}
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
EVENT = b"POST /v1/metrics/m/event HTTP/1.1\r\nHost: x\r\n"
BY_APP = b"POST /v1/metrics/m/event?by=app HTTP/1.1\r\nHost: x\r\n"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        found = json.loads(self.body)
        assert list(found) == ["error"]
        return str(found["error"])


class Client:
    """One connection to the gateway, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes, pause_s: float = 0.0) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(pause_s)

    async def answer(self) -> Answer:
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await self.reader.readexactly(int(headers["content-length"]))
        return Answer(int(head[0].split()[1]), headers, body)

    async def is_closed(self) -> bool:
        """Wait until the gateway ends the connection, and tell whether it said nothing more."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


Connect = Callable[[], Any]


@asynccontextmanager
async def a_gateway(**limits: Any) -> AsyncIterator[Connect]:
    """Serve; give what makes connections to it, which are closed in the end."""
    config = GatewayConfig(
        Connection("127.0.0.1:1"),
        "postgresql://x@127.0.0.1:1/x",
        port=0,
        limits=Limits(**{**PATIENT, **limits}),
    )
    started: Future[int] = Future()
    stopped = threading.Event()

    async def until_stopped() -> None:
        serving = asyncio.create_task(serve(config, started.set_result))
        await asyncio.to_thread(stopped.wait)
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving

    # In a thread, on a loop of the kind that the gateway runs on.
    ended = asyncio.create_task(asyncio.to_thread(lambda: uvloop.run(until_stopped())))
    try:
        port = await asyncio.wait_for(asyncio.wrap_future(started), PATIENCE_S)
        async with AsyncExitStack() as opened:

            async def connect() -> Client:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                opened.callback(writer.close)
                return Client(reader, writer)

            yield connect
    finally:
        stopped.set()
        await ended


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr(door, "SWEEP_EVERY_S", 0.02)


@pytest.fixture
def let_in(monkeypatch):
    """Have every request let in: its body is read then."""

    async def authorized(*_):
        return LetIn("default", is_admin=True, user=None)

    monkeypatch.setattr("gateway.http.dependencies.authorized", authorized)
    monkeypatch.setattr("gateway.application.event_route.authorized", authorized)


async def test_who_says_nothing_is_soon_gone():
    async with a_gateway(head_s=0.2) as connect:
        client = await connect()
        assert await client.is_closed()


async def test_a_head_that_comes_byte_by_byte_is_waited_for_no_longer_than_one_that_does_not():
    async with a_gateway(head_s=0.3) as connect:
        client = await connect()
        began_s = time.monotonic()
        sending = asyncio.create_task(client.send(*[b"G", b"E", *[b"T"] * 1000], pause_s=0.05))
        answer = await client.answer()
        assert time.monotonic() - began_s < PATIENCE_S / 2
        sending.cancel()
        assert answer.status in {400, 408}
        client = await connect()
        await client.send(GET, b"GET /healthz HTTP/1.1\r\nX: ")
        assert (await client.answer()).status == 200
        sending = asyncio.create_task(client.send(*[b"x"] * 1000, pause_s=0.05))
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert "in time" in answer.error
        sending.cancel()


@pytest.mark.parametrize("start", [EVENT, BY_APP, b"POST /v1/users HTTP/1.1\r\nHost: x\r\n"])
@pytest.mark.usefixtures("let_in")
async def test_a_body_that_does_not_come_is_a_408(start):
    async with a_gateway(body_s=0.2) as connect:
        client = await connect()
        await client.send(start + b"Content-Length: 100\r\n\r\n", b'{"user"')
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert answer.error
        assert await client.is_closed()


async def test_who_reads_no_answer_is_gone_after_a_while():
    async with a_gateway(reading_s=0.2) as connect:
        client = await connect()
        # More than the buffers of both sides hold.
        sending = asyncio.create_task(
            client.send(*[b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"] * 2000)
        )
        transport = client.writer.transport
        transport.pause_reading()
        async with asyncio.timeout(PATIENCE_S):
            while not sending.done() and not transport.is_closing():
                await asyncio.sleep(0.05)
            with contextlib.suppress(ConnectionError):
                while True:
                    await client.send(GET, pause_s=0.05)
        sending.cancel()


async def test_a_connection_is_kept_between_requests_but_not_for_ever():
    async with a_gateway(idle_s=1) as connect:
        client = await connect()
        for _ in range(3):
            await client.send(GET)
            answer = await client.answer()
            assert answer.status == 200
            assert "connection" not in answer.headers
        assert await client.is_closed()


async def test_silent_connections_keep_nobody_out():
    async with a_gateway(connections_max=20) as connect:
        silent = [await connect() for _ in range(50)]
        kept = await connect()
        await kept.send(GET)
        assert (await kept.answer()).status == 200
        silent += [await connect() for _ in range(15)]
        # Those that were silent for longest made room, and who had asked something did not.
        assert await silent[0].is_closed()
        await kept.send(GET)
        assert (await kept.answer()).status == 200
        await silent[-1].send(GET)
        assert (await silent[-1].answer()).status == 200


async def test_who_is_idle_makes_room_where_nobody_is_silent():
    async with a_gateway(connections_max=5) as connect:
        clients = []
        for _ in range(6):
            clients.append(await connect())
            await clients[-1].send(GET)
            assert (await clients[-1].answer()).status == 200
        assert await clients[0].is_closed()


@pytest.mark.usefixtures("let_in")
async def test_where_all_are_served_one_more_is_told_to_come_again():
    async with a_gateway(connections_max=3) as connect:
        for _ in range(3):
            await (await connect()).send(EVENT + b"Content-Length: 100\r\n\r\n{")
        answer = await (await connect()).answer()
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        assert int(answer.headers["retry-after"]) > 0
        assert "too many connections" in answer.error


@pytest.mark.parametrize("start", [EVENT, BY_APP, b"POST /nothing HTTP/1.1\r\nHost: x\r\n"])
async def test_a_body_that_nobody_reads_ends_the_connection(start):
    async with a_gateway() as connect:
        client = await connect()
        # As large as may be: nobody waits for it.
        await client.send(start + b"Content-Length: 1000000000\r\n\r\n", b"x" * 200_000)
        answer = await client.answer()
        assert answer.status in (401, 404)
        assert answer.headers["connection"] == "close"
        assert await client.is_closed()


@pytest.mark.parametrize("start", [EVENT, BY_APP, b"PUT /v1/users/u HTTP/1.1\r\nHost: x\r\n"])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.usefixtures("let_in")
async def test_a_body_that_is_too_large_ends_the_connection(start, chunked):
    async with a_gateway() as connect:
        client = await connect()
        if chunked:
            chunk = b"%x\r\n%b\r\n" % (16384, b" " * 16384)
            await client.send(start + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 20)
        else:
            await client.send(start + b"Content-Length: 1000000\r\n\r\n", b" " * 200_000)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert str(EVENT_BYTES_MAX) in answer.error
        assert await client.is_closed()


@pytest.mark.parametrize("start", [EVENT, BY_APP])
@pytest.mark.usefixtures("let_in")
async def test_a_body_that_was_read_ends_no_connection(start):
    async with a_gateway() as connect:
        client = await connect()
        for _ in range(2):
            await client.send(start + b"Content-Length: 2\r\n\r\n[]")
            answer = await client.answer()
            assert answer.status == 422
            assert "connection" not in answer.headers


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 99999999999999999999999\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"X: a\0b\r\n\r\n",
    ],
)
async def test_a_request_that_could_be_read_in_two_ways_ends_the_connection(head):
    async with a_gateway() as connect:
        client = await connect()
        # What is behind it would be another request, for who reads it in the other way.
        await client.send(EVENT + head + GET)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) in ((400, "close"), (401, "close"))
        assert answer.error
        assert await client.is_closed()


@pytest.mark.parametrize("name", [b"X", b"Cookie", b"X-API-KEY"])
async def test_a_head_without_end_ends_the_connection(name):
    async with a_gateway() as connect:
        client = await connect()
        endless = [b"a" * 10_000] * (2 * HEAD_BYTES_MAX // 10_000)
        await client.send(EVENT + name + b": ", *endless)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (431, "close")
        assert answer.error
        assert await client.is_closed()


@pytest.mark.usefixtures("let_in")
async def test_a_client_that_goes_in_the_middle_is_no_failure(caplog):
    async with a_gateway() as connect:
        for start in (EVENT, BY_APP, b"POST /admin/v1/streaks/restore HTTP/1.1\r\nHost: x\r\n"):
            client = await connect()
            await client.send(start + b"Content-Length: 100\r\n\r\n{", pause_s=0.05)
            client.writer.close()
        client = await connect()
        await client.send(GET, pause_s=0.1)
        assert (await client.answer()).status == 200
    assert "request.failed" not in caplog.text
    assert "Traceback" not in caplog.text


def test_there_is_room_for_as_many_as_there_are_files():
    assert room_for(5000, 1_048_576) == 5000
    assert room_for(5000, 1024) == 1024 - OTHER_FILES
    assert room_for(5000, 100) == LEAST
    assert room_for(10, 1024) == 10
    assert room_for(5000, -1) == 5000


def test_the_limits_on_the_page_are_those_of_the_code():
    page = (ROOT / "docs" / "howto" / "run-behind-a-proxy.md").read_text(encoding="utf-8")
    limits = Limits()
    for row in (
        f"`XP_CONNECTIONS_MAX`, {limits.connections_max};",
        f"{OTHER_FILES} of them are kept",
        f"{limits.head_s:.0f} s, {HEAD_BYTES_MAX // 1024} KiB",
        f"{limits.body_s:.0f} s, {EVENT_BYTES_MAX // 1024} KiB (Admin API: 1 MiB)",
        f"does not read its answer | {limits.reading_s:.0f} s",
        f"between two requests | {limits.idle_s} s",
        f"below the {limits.idle_s} s after which",
    ):
        assert row in page, row


SERVER = """
import resource
import uvloop
resource.setrlimit(resource.RLIMIT_NOFILE, (512, 1024))
from broker.connection import Connection
from gateway.server import GatewayConfig, serve
config = GatewayConfig(Connection("127.0.0.1:1"), "postgresql://x@127.0.0.1:1/x", port=0)
uvloop.run(serve(config, lambda port: print(f"port {port}", flush=True)))
"""


async def test_eleven_hundred_silent_connections_lock_nobody_out_at_the_usual_limit_of_files():
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SERVER,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    clients = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (line := await process.stdout.readline()).startswith(b"port"):
                assert line, "the gateway has ended"
        for _ in range(1100):
            opened = await asyncio.open_connection("127.0.0.1", int(line.split()[1]))
            clients.append(Client(*opened))
        await clients[-1].send(GET)
        assert (await clients[-1].answer()).status == 200
    finally:
        process.kill()
        await process.wait()
        for client in clients:
            client.writer.close()
