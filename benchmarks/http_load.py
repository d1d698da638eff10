"""Open-loop load on the gateway, in a process of its own: when a request is due is fixed before.

A latency counts from the instant at which the request was due, so that a slow answer cannot delay
the requests after it out of the figures. The client does as little as possible: it shares the cores
with what it measures. Told its job as JSON in the first argument; prints a line when the requests
begin to count, and in the end what it saw as JSON.
"""

import asyncio
import gc
import json
import os
import selectors
import sys
import time
from collections import Counter, deque
from random import Random
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from benchmarks.events import METRICS, SEED, SUBJECTS, user_name, zipf

USERS: Final = 10_000
PATIENCE_S: Final = 30.0
CREATED: Final = 201
COUNTING: Final = b"counting\n"


class Job(NamedTuple):
    """What is to be sent."""

    url: str
    api_key: str
    # Requests per second.
    rate: float
    seconds: float
    # Requests in the first so many seconds are sent like the others, and not counted.
    warm_up_s: float
    # Keeps the idempotency keys of this load apart from another's.
    run: str
    connections: int = 200


class Seen(NamedTuple):
    """What came of it."""

    # Milliseconds from when a request was due to the end of its answer.
    latencies_ms: list[float]
    # Milliseconds by which the load generator itself was late.
    late_ms: list[float]
    # Status -> answers; 0 is none: the connection was closed, or nothing came for too long.
    statuses: dict[str, int]
    # Requests that had no answer yet when the last one was due.
    behind: int


class _Client(asyncio.Protocol):
    """One connection that is kept alive, with one request at a time."""

    def __init__(self, load: "_Load") -> None:
        self._load = load
        self._held = bytearray()
        self.due_s = 0.0
        self.busy = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes, due_s: float) -> None:
        assert self._transport is not None
        self.due_s = due_s
        self.busy = True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._held += data
        head = self._held.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._held.lower().find(b"content-length:", 0, head)
        length = int(self._held[at + 15 : self._held.find(b"\r\n", at)]) if at >= 0 else 0
        if len(self._held) < head + 4 + length:
            return
        status = int(self._held[9:12])
        self._held.clear()
        self.busy = False
        self._load.answered(self, status, self.due_s)

    def connection_lost(self, _error: Exception | None) -> None:
        if self.busy:
            self._load.answered(None, 0, self.due_s)
        else:
            # Servers close connections that nobody uses for a while.
            self._load.gone(self)


class _Load:
    def __init__(self, job: Job) -> None:
        self._job = job
        dice = Random(f"{SEED}{job.run}")
        self._due: list[float] = []
        at = 0.0
        while (at := at + dice.expovariate(job.rate)) < job.warm_up_s + job.seconds:
            self._due.append(at)
        users = zipf(dice, USERS, len(self._due))
        self._requests = [self._request(number, user, dice) for number, user in enumerate(users)]
        self._idle: deque[_Client] = deque()
        self._queue: deque[tuple[bytes, float]] = deque()
        self._clients: list[_Client] = []
        self._open = 0
        self._over = False
        self._counted_from = 0.0
        self._latencies: list[float] = []
        self._late: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._done = asyncio.Event()

    def _request(self, number: int, user: int, dice: Random) -> bytes:
        job = self._job
        body = json.dumps(
            {
                "user": {"id": user_name(user)},
                "value": 1,
                "attributes": {"subject": dice.choice(SUBJECTS)},
            }
        ).encode()
        metric = METRICS[number % len(METRICS)]
        head = (
            f"POST /v1/metrics/{metric}/event HTTP/1.1\r\nHost: {urlsplit(job.url).netloc}\r\n"
            f"X-API-KEY: {job.api_key}\r\nIdempotency-Key: {job.run}-{number}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def run(self) -> Seen:
        job = self._job
        where = urlsplit(job.url)
        host, port = str(where.hostname), int(where.port or 80)
        loop = asyncio.get_running_loop()
        for _ in range(job.connections):
            _, client = await loop.create_connection(lambda: _Client(self), host, port)
            self._idle.append(client)
            self._clients.append(client)
        gc.freeze()
        began = time.perf_counter() + 0.1
        self._counted_from = began + job.warm_up_s
        self._open = len(self._due)
        told = 0.0
        for request, at in zip(self._requests, self._due, strict=True):
            due = began + at
            left = due - time.perf_counter()
            if left > 0:
                await asyncio.sleep(left)
            if due >= self._counted_from > told:
                told = due
                os.write(sys.stdout.fileno(), COUNTING)
            self._late.append(1000 * (time.perf_counter() - due))
            if self._idle:
                # The one that was used last is the warmest.
                self._idle.pop().send(request, due)
            else:
                self._queue.append((request, due))
        behind = self._open
        try:
            await asyncio.wait_for(self._done.wait(), PATIENCE_S)
        except TimeoutError:
            # Those without an answer count with what they have waited so far.
            self._give_up()
        return Seen(self._latencies, self._late, dict(self._statuses), behind)

    def _give_up(self) -> None:
        self._over = True
        waiting = [due for _request, due in self._queue]
        waiting += [client.due_s for client in self._clients if client.busy]
        for due in waiting:
            self._count(0, due)

    def _count(self, status: int, due: float) -> None:
        if due >= self._counted_from:
            self._latencies.append(1000 * (time.perf_counter() - due))
            self._statuses[str(status)] += 1

    def gone(self, client: _Client) -> None:
        if client in self._idle:
            self._idle.remove(client)

    def answered(self, client: _Client | None, status: int, due: float) -> None:
        if self._over:
            return
        self._count(status, due)
        self._open -= 1
        if not self._open:
            self._done.set()
        if client is None:
            return
        if self._queue:
            client.send(*self._queue.popleft())
        else:
            self._idle.append(client)


def main() -> None:
    """Do the job."""
    job = Job(**json.loads(sys.argv[1]))
    # Of all selectors, select alone waits for microseconds and not for whole milliseconds.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    seen = loop.run_until_complete(_load(job))
    print(json.dumps(seen._asdict()))


async def _load(job: Job) -> Seen:
    return await _Load(job).run()


if __name__ == "__main__":
    main()
