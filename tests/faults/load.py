"""Sends a plan's events as producers and clients do, and notes what was acknowledged and answered.

The Kafka side is an idempotent producer that waits for all replicas; the HTTP side retries under
the same key on every error, as an SDK does. Nothing is judged in here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from random import Random
from typing import Any, Self

import aiohttp
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faults.classes import Options
from faults.event import Event
from faults.partitions import partition_of
from faults.signatures import FREE, kind_of
from faults.world import World

from schemas.signing import signed

KAFKA_OPEN_MAX = 200
HTTP_OPEN_MAX = 24
HTTP_TIMEOUT_S = 15.0
RETRY_PAUSES_S = (0.1, 0.2, 0.4, 0.5)


class Load:
    """The producers and clients of one round."""

    def __init__(self, world: World, dice: Random, options: Options, patience_s: float) -> None:
        """Take how much is to be sent, and how long after the last blow a client keeps trying."""
        self.world = world
        self.dice = dice
        self.options = options
        # All that was handed over in this round, by mark; raw bytes among them.
        self.events: list[Event] = []
        # When the last event was handed over, by the monotonic clock.
        self.last_sent = time.monotonic()
        self.problems: list[str] = []
        self._patience_s = patience_s
        self._producer: AIOKafkaProducer | None = None
        self._producer_lock = asyncio.Lock()
        self._http: aiohttp.ClientSession
        self._open: set[asyncio.Task[None]] = set()
        self._gates = {
            "kafka": asyncio.Semaphore(KAFKA_OPEN_MAX),
            "http": asyncio.Semaphore(HTTP_OPEN_MAX),
        }

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            headers={"X-API-KEY": self.world.api_key},
            timeout=aiohttp.ClientTimeout(total=HTTP_TIMEOUT_S, connect=3),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._settle()
        await self._http.close()
        if self._producer is not None:
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(self._producer.stop(), 5)

    async def send_all(self, events: Sequence[Event], struck: asyncio.Event) -> None:
        """Send events at the class's rate: all of `events`, fewer only when they outlast a strike.

        The first `options.events` are always sent, the rest only until the strike is over.
        """
        options = self.options
        begun = time.monotonic()
        for index, event in enumerate(events):
            if index >= options.events and struck.is_set():
                break
            wait_s = begun + index / options.rate - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await self.hand_over(event)
            if index >= options.events and index % 10 == 0:
                # What is sent beyond the plan only keeps the system busy: no need to pile it up.
                begun += 0.05

    async def hand_over(self, event: Event) -> asyncio.Task[None]:
        """Begin to send one event; waits while too many are under way."""
        gate = self._gates[event.channel]
        await gate.acquire()
        self.events.append(event)
        self.last_sent = time.monotonic()
        task = asyncio.create_task(
            self._publish(event) if event.channel == "kafka" else self._post(event)
        )
        self._open.add(task)

        def ended(done: asyncio.Task[None]) -> None:
            gate.release()
            self._open.discard(done)
            if not done.cancelled() and (error := done.exception()) is not None:
                self.problems.append(f"driver: {error!r}")

        task.add_done_callback(ended)
        return task

    async def send(self, *events: Event) -> None:
        """Send events at once and return when each is acknowledged, answered or given up."""
        await asyncio.gather(*[await self.hand_over(event) for event in events])

    async def _settle(self) -> None:
        """Wait until every sending has ended, one way or the other."""
        while self._open:
            done, _ = await asyncio.wait(set(self._open), timeout=1)
            if not done and self._late():
                for task in self._open:
                    task.cancel()
                await asyncio.gather(*self._open, return_exceptions=True)

    async def settled(self) -> None:
        """Return when every sending has ended; those that take too long are given up."""
        await self._settle()

    def _late(self, margin_s: float = 10.0) -> bool:
        since = max(self.last_sent, self.world.last_blow or 0.0)
        return time.monotonic() - since > self._patience_s + margin_s

    # Kafka

    async def _connected(self) -> AIOKafkaProducer:
        async with self._producer_lock:
            while self._producer is None:
                producer = AIOKafkaProducer(
                    **self.world.connection.options(),
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=2,
                    request_timeout_ms=10_000,
                )
                try:
                    await producer.start()
                except (KafkaError, OSError):
                    await producer.stop()
                    await asyncio.sleep(0.3)
                    continue
                self._producer = producer
        return self._producer

    async def _publish(self, event: Event) -> None:
        producer = await self._connected()
        key = event.user.encode() if event.wire_key is None else event.wire_key
        value = None if event.tombstone else event.record()
        partitions = self.world.options.partitions
        partition = (partition_of(event.user, partitions) + event.astray) % partitions
        if event.partition is not None:
            partition = event.partition
        event.attempts += 1
        topic, headers = self.world.topics.events, list(event.headers)
        if not event.forged and kind_of(value or b"") not in ("", *FREE):
            headers = signed(
                self.world.connection.signer(topic), partition, key, value or b"", dict(headers)
            )
        try:
            sent = await producer.send_and_wait(
                topic, value, key=key, partition=partition, headers=headers
            )
        except (KafkaError, OSError):
            return
        event.acknowledged.add(f"{self.world.epoch}-{sent.partition}-{sent.offset}")

    # HTTP

    async def _post(self, event: Event) -> None:
        for attempt in range(1000):
            event.attempts += 1
            if await self._attempt(event, attempt):
                return
            if event.key is None:
                # A client without a key must not try again: it would count twice.
                return
            if self._late(0.0):
                self.problems.append(
                    f"I10 a POST did not get through within {self._patience_s:.0f} s of the last "
                    f"blow: {event.mark}, {event.refusals[-1:]}"
                )
                return
            await asyncio.sleep(RETRY_PAUSES_S[min(attempt, len(RETRY_PAUSES_S) - 1)])

    async def _attempt(self, event: Event, attempt: int) -> bool:
        """Make one attempt; tell whether the client would leave it at that."""
        urls = self.world.urls()
        url = urls[(sum(event.mark.encode()) + attempt) % len(urls)]
        headers = {"Idempotency-Key": event.key} if event.key is not None else {}
        try:
            async with self._http.post(
                f"{url}/v1/metrics/{event.metric}/event", json=event.body(), headers=headers
            ) as answer:
                receipt: Any = await answer.json()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            event.refusals.append((0, repr(error)))
            return False
        if answer.status in (201, 202):
            event.answers.append(
                (
                    answer.status,
                    receipt["eventId"],
                    bool(receipt.get("idempotentReplayed")),
                    answer.headers.get("XP-Verdict") == "pending",
                )
            )
            return True
        event.refusals.append((answer.status, str(receipt.get("error"))))
        return not (answer.status >= 500 or answer.status in (408, 429))
