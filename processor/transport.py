"""A Faust transport that hands an agent one event per fetched chunk of a partition.

Faust keeps what it is good at: membership, assignment, agents, the worker's life. Between fetch and
agent it spends more time on a message than judging it takes; here it does so once per chunk. The
group's consumer only keeps the membership: another one fetches (`fetching`), in this event loop.
The place to start from is the lane's word (`start_at`), never the group's committed offset.

Only the loop that fetches ever seeks, so that no chunk can be from before a seek and be taken for
one from after it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from broker.connection import Connection
from processor.fetching import Chunk, Fetching
from processor.membership import Listener, Thread
from processor.pending import Message
from processor.watchdog import Pulse

# How long one fetch is waited for; whatever is asked for meanwhile interrupts it.
FETCH_WAIT_S: Final = 5.0
HINTS_WAIT_S: Final = 2.0
LEAVE_WAIT_S: Final = 3.0


class Consumer(driver.Consumer):
    """Faust's consumer, but for how messages are handed on and where reading starts."""

    RebalanceListener = Listener
    _thread: Thread

    def __init__(self, transport: "Transport", *args: Any, **kwargs: Any) -> None:
        """See faust.transport.drivers.aiokafka."""
        super().__init__(transport, *args, **kwargs)
        self._fetching = Fetching(transport.connection)
        # Offset from which the next chunk of a partition comes; absent until a lane has said.
        self._due: dict[TP, int] = {}
        # Seeks that the fetching loop has still to make.
        self._wanted: dict[TP, int] = {}
        self._hints: dict[TP, OffsetAndMetadata] = {}
        # The offset that a loop waits for, and the partitions that a loop wants held back.
        self._awaited: dict[TP, int] = {}
        self._held_back: set[TP] = set()

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)

    # -- what lanes ask for (processor.feed.Feed)

    def start_at(self, topic: str, partition: int, offset: int) -> None:
        """Deliver from this offset on, whatever was delivered before."""
        tp = TP(topic, partition)
        self._wanted[tp] = self._awaited[tp] = offset
        self._held_back.discard(tp)
        self.resume_partitions({tp})
        self._fetching.interrupt()

    def pause(self, topic: str, partition: int) -> None:
        """Deliver nothing for now."""
        tp = TP(topic, partition)
        self._held_back.add(tp)
        self.pause_partitions({tp})
        self._fetching.interrupt()

    def resume(self, topic: str, partition: int) -> None:
        """Deliver again."""
        tp = TP(topic, partition)
        self._held_back.discard(tp)
        self.resume_partitions({tp})
        self._fetching.interrupt()

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first offset that a partition holds, and the one after its last."""
        tp = TopicPartition(topic, partition)
        return await self._thread.call_thread(self._thread.bounds_of, tp)  # type: ignore[no-any-return]

    async def committed(self, topic: str, partition: int) -> tuple[int, str] | None:
        """Return the group's committed offset and its metadata, None if there is none."""
        tp = TopicPartition(topic, partition)
        found = await self._thread.call_thread(self._thread.committed_of, tp)
        return (found.offset, found.metadata) if found and found.offset >= 0 else None

    def hint(self, topic: str, partition: int, offset: int, metadata: str = "") -> None:
        """Commit this offset with its metadata, with the next round of hints."""
        self._hints[TP(topic, partition)] = OffsetAndMetadata(offset, metadata)

    async def send_hints(self) -> None:
        """Commit the hints that have gathered. Raises the driver's errors."""
        hints, self._hints = self._hints, {}
        held = self.assignment()
        mine = {TopicPartition(*tp): hint for tp, hint in hints.items() if tp in held}
        if mine:
            await self._thread.call_thread(self._thread.commit_with_metadata, mine)

    # -- what the worker and its watchdog ask for

    def arrived(self, topic: str, chunk: Chunk) -> None:
        """Note that a chunk has reached its loop."""
        tp = TP(topic, chunk.partition)
        if chunk.start == self._awaited.get(tp):
            self._awaited[tp] = chunk.messages[-1].offset + 1

    async def leave(self) -> None:
        """Leave the group now: others take the partitions over before the session times out.

        To be called once, shortly before the end: what is not held any more is not judged.
        """
        thread = self._thread
        asked = asyncio.run_coroutine_threadsafe(thread.leave_group(), thread.thread_loop)
        with suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(asked), LEAVE_WAIT_S)

    async def pulse(self) -> Pulse:
        """See processor.watchdog.Patient. Goes past Faust's queue of calls, which may be stuck."""
        thread = self._thread
        asked = asyncio.run_coroutine_threadsafe(thread.is_member(), thread.thread_loop)
        member = await asyncio.wrap_future(asked)
        positions = self._fetching.positions()
        awaited = {}
        for tp, offset in self._awaited.items():
            if tp in self._held_back:
                continue
            # What a fetch passed over by itself (marks of transactions) will never be delivered.
            all_arrived = self._due.get(tp) == offset and tp not in self._wanted
            passed = positions.get(tp, offset) if all_arrived else offset
            awaited[tp.topic, tp.partition] = max(offset, passed)
        return Pulse(member=member, flowing=self.flow_active, awaited=awaited)

    # -- what Faust asks for

    async def on_start(self) -> None:
        """See mode.Service."""
        await super().on_start()
        await self._fetching.start()

    async def on_stop(self) -> None:
        """See mode.Service."""
        await super().on_stop()
        await self._fetching.stop()

    async def perform_seek(self) -> None:
        """Hold every partition back until its lane has said where to start."""
        self.pause_partitions({tp for tp in self.assignment() if not self._is_placed(tp)})

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget where reading stood: the next assignment starts from its lanes' words."""
        with suppress(KafkaError, asyncio.TimeoutError):
            await asyncio.wait_for(self.send_hints(), HINTS_WAIT_S)
        self._forget(revoked)
        await super().on_partitions_revoked(revoked)
        # Until they ended, the loops may have asked for more.
        self._forget(revoked)

    def _forget(self, revoked: set[TP]) -> None:
        for tp in revoked:
            self._due.pop(tp, None)
            self._wanted.pop(tp, None)
            self._hints.pop(tp, None)
            self._awaited.pop(tp, None)
            self._held_back.discard(tp)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust's stall detector looks at acknowledgements, of which there are none."""

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109  Faust's signature; see FETCH_WAIT_S
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Fetch once, and yield one message per partition that brought something."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # Faust's own idiom
        self._make_seeks()
        active = {tp for tp in self._get_active_partitions() if tp in self._due}
        generation = self.app.consumer_generation_id
        records = await self._getmany(active, FETCH_WAIT_S)
        for tp, batch in (records or {}).items():
            if self.should_stop or not batch or tp not in self._due or tp in self._wanted:
                continue
            if not self.flow_active or generation != self.app.consumer_generation_id:
                # Fetched, but not to be delivered now: fetch it again.
                self._wanted.setdefault(tp, self._due[tp])
                continue
            start, self._due[tp] = self._due[tp], batch[-1].offset + 1
            yield tp, self._message_of(tp, start, batch)

    def _is_placed(self, tp: TP) -> bool:
        return tp in self._due or tp in self._wanted

    def _make_seeks(self) -> None:
        wanted, self._wanted = self._wanted, {}
        self._due |= wanted
        self._fetching.place(self._due, wanted)

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109  Faust's signature
    ) -> Any:
        return await self._fetching.fetch(active_partitions or set(), timeout)

    def _message_of(self, tp: TP, start: int, batch: list[Any]) -> ConsumerMessage:
        last = batch[-1]
        messages = [
            Message(it.offset, it.timestamp, it.key, it.value, tuple(it.headers)) for it in batch
        ]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            None,
            None,
            Chunk(tp.partition, start, messages),  # type: ignore[arg-type]  # the schema passes it on
            None,
            None,
            None,
            tp,
            generation_id=self.app.consumer_generation_id,
        )


class Transport(driver.Transport):
    """Faust's Kafka transport with the consumer above."""

    Consumer = Consumer

    def __init__(self, *args: Any, connection: Connection, **kwargs: Any) -> None:
        """Take how the cluster is reached by what fetches, beside what Faust needs."""
        super().__init__(*args, **kwargs)
        self.connection = connection
