"""Puts events on xp.events and says what is known about it: appended, not appended, or neither.

A 2xx means that the broker has the event (law 7), and 503 is only honest when it has not. An
idempotent producer retries for ever and cannot take a record back, so whether the broker is there
is asked before anything is handed to it. No rules and no HTTP in here.
"""

import asyncio
import contextlib
from typing import Final, NamedTuple

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError

from broker.connection import Connection, end_whole
from broker.failpoints import reach
from broker.partitions import partition_of
from broker.producer import producer as new_producer
from gateway.http import metrics
from schemas.signing import signed
from schemas.topics import HEADER_ORIGIN

REQUEST_TIMEOUT_MS: Final = 5000
PAUSE_S: Final = 0.5

log = structlog.get_logger(__name__)


class Place(NamedTuple):
    """Where an event stands on xp.events."""

    partition: int
    offset: int


class NotAppendedError(Exception):
    """The broker did not get the event, and will not."""


class UnacknowledgedError(Exception):
    """The broker was given the event, but has not said that it has it. It may have."""


class Appender:
    """An idempotent producer for one topic, begun anew when it breaks."""

    def __init__(
        self,
        connection: Connection,
        topic: str,
        *,
        ready_s: float = 1.0,
        acknowledge_s: float = 30.0,
    ) -> None:
        """Take the topic, how long the broker may take to be there and to acknowledge."""
        self._connection = connection
        self._topic = topic
        self._signer = connection.signer(topic)
        self._ready_s = ready_s
        self._acknowledge_s = acknowledge_s
        self._producer: AIOKafkaProducer | None = None
        self._broken = asyncio.Event()
        # How many partitions the topic has, as far as that is known.
        self._partitions: int | None = None
        self._stopping: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Keep a producer connected until cancelled."""
        try:
            while True:
                producer = self._new()
                try:
                    await producer.start()
                except (KafkaError, OSError) as error:
                    log.warning("producer.failed", error=repr(error))
                    metrics.FAILURES.labels("producer").inc()
                    await end_whole(producer.stop())
                    await asyncio.sleep(PAUSE_S)
                    continue
                self._broken.clear()
                self._producer = producer
                await self._broken.wait()
                metrics.FAILURES.labels("producer").inc()
                self._retire(producer)
        finally:
            await self._close()

    def _new(self) -> AIOKafkaProducer:
        return new_producer(self._connection, request_timeout_ms=REQUEST_TIMEOUT_MS)

    def _retire(self, producer: AIOKafkaProducer) -> None:
        # What it still holds is sent on beside its successor: other requests wait for it.
        self._producer = None
        task = asyncio.create_task(producer.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _close(self) -> None:
        if self._producer is not None:
            self._retire(self._producer)
        if self._stopping:
            # A broker that is away must not hold up the end of the process.
            _, left = await asyncio.wait(self._stopping, timeout=2.0)
            for task in left:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def partition(self, key: bytes) -> int:
        """Return where an event will go; -1 before the first one has gone."""
        return -1 if self._partitions is None else partition_of(key, self._partitions)

    async def append(self, key: bytes, value: bytes, *, sign: bool = False) -> Place:
        """Append one event and return its place once all in-sync replicas have it.

        `sign` what only our own parts may say.

        Raises NotAppendedError when the broker cannot be reached, UnacknowledgedError when it was
        given the event and the acknowledgement has not come in time.
        """
        producer = self._producer
        if producer is None:
            raise NotAppendedError("the broker is away")
        try:
            async with asyncio.timeout(self._ready_s):
                partition = await self._reachable_partition(producer, key)
                headers: list[tuple[str, bytes | None]] = [(HEADER_ORIGIN, b"http")]
                if sign:
                    headers += signed(self._signer, partition, key, value)
                sent = await producer.send(
                    self._topic, value, key=key, partition=partition, headers=headers
                )
        except (TimeoutError, KafkaTimeoutError) as error:
            raise NotAppendedError("the broker does not answer") from error
        except (KafkaError, OSError) as error:
            self._broken.set()
            raise NotAppendedError("the broker refuses events") from error
        return await self._acknowledged(sent)

    async def _reachable_partition(self, producer: AIOKafkaProducer, key: bytes) -> int:
        count = len(await producer.partitions_for(self._topic))
        self._partitions = count
        partition = partition_of(key, count)
        leader = producer.client.cluster.leader_for_partition(
            TopicPartition(self._topic, partition)
        )
        if leader is None or leader < 0 or not await producer.client.ready(leader):
            producer.client.force_metadata_update()
            raise NotAppendedError("the broker is away")
        return partition

    async def _acknowledged(self, sent: "asyncio.Future[object]") -> Place:
        # Neither a deadline nor a client that leaves may cancel it: the event is on its way.
        done, _ = await asyncio.wait({sent}, timeout=self._acknowledge_s)
        if not done:
            sent.add_done_callback(lambda late: late.cancelled() or late.exception())
            raise UnacknowledgedError("the broker has not acknowledged the event")
        try:
            place = sent.result()
        except (KafkaError, OSError) as error:
            self._broken.set()
            raise UnacknowledgedError("the broker has not acknowledged the event") from error
        reach("gateway.appended")
        return Place(place.partition, place.offset)  # type: ignore[attr-defined]

    async def check(self) -> None:
        """Ask the broker for its metadata; raises KafkaError or NotAppendedError if it is away."""
        if self._producer is None:
            raise NotAppendedError("the broker is away")
        await self._producer.client.fetch_all_metadata()
