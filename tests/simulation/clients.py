"""Clients of the simulated log, with the faces of aiokafka's: what `broker` and `processor` use."""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from simulation.clock import PROCESS
from simulation.log import LATE_S, TIMEOUT_S, Landed, Log, Stored, settle


class Batch:
    """A batch in the making, as aiokafka's builder."""

    def __init__(self) -> None:
        """Begin empty."""
        self.records: list[tuple[bytes | None, Any, Any]] = []

    def append(self, *, key: bytes, value: bytes, timestamp: None) -> object:  # noqa: ARG002  aiokafka's
        """Add a record."""
        self.records.append((key, value, ()))
        return True

    def close(self) -> None:
        """Do nothing: it is complete."""


_sessions = count()


class Producer:
    """An idempotent producer, as aiokafka's: retries for ever, one batch at a time by partition.

    It belongs to a process and outlives the lanes that append through it.
    """

    def __init__(self, log: Log) -> None:
        """Begin a session."""
        self._log = log
        self._session = next(_sessions)
        self._sequences: Counter[TopicPartition] = Counter()
        self._waiting: dict[TopicPartition, deque[tuple[Sequence[Any], asyncio.Future[Landed]]]]
        self._waiting = defaultdict(deque)

    def create_batch(self) -> Batch:
        """See aiokafka."""
        return Batch()

    async def send_batch(
        self, batch: Batch, topic: str, *, partition: int
    ) -> asyncio.Future[Landed]:
        """See aiokafka."""
        return self._put(TopicPartition(topic, partition), batch.records)

    async def send(
        self,
        topic: str,
        *,
        value: bytes | None,
        key: bytes,
        headers: Sequence[Any] = (),
        partition: int | None = None,
    ) -> asyncio.Future[Landed]:
        """See aiokafka. Without a partition it is the first one."""
        return self._put(TopicPartition(topic, partition or 0), [(key, value, headers)])

    def _put(self, tp: TopicPartition, records: Sequence[Any]) -> asyncio.Future[Landed]:
        landed: asyncio.Future[Landed] = self._log.clock.create_future()
        waiting = self._waiting[tp]
        waiting.append((records, landed))
        if len(waiting) == 1:
            # Not the lane's task: a batch goes on its way even if the lane is ended.
            process = PROCESS.get()
            self._log.clock.create_task(
                self._work_off(tp), context=process.context if process else None
            )
        return landed

    async def _work_off(self, tp: TopicPartition) -> None:
        waiting = self._waiting[tp]
        while waiting:
            records, landed = waiting[0]
            sequence = self._sequences[tp]
            self._sequences[tp] += len(records)
            try:
                offset = await self._deliver(tp, sequence, records)
            except KafkaError as error:
                if not landed.done():
                    landed.set_exception(error)
                    # One that nobody waits for any more is no news.
                    landed.exception()
            else:
                settle(landed, Landed(offset))
            waiting.popleft()

    async def _deliver(self, tp: TopicPartition, sequence: int, records: Sequence[Any]) -> int:
        log, rates = self._log, self._log.rates
        while True:
            answer: asyncio.Future[int | KafkaError | None] = log.clock.create_future()
            log.at_broker(TIMEOUT_S, settle, answer, None)
            if log.hit(rates.broken, "session broken"):
                if log.dice.random() < 0.5:
                    log.at_broker(log.delay(), self._land, answer, tp, sequence, records, 0.0)
                await asyncio.sleep(log.delay())
                raise KafkaError("simulated")
            if log.hit(rates.late, "request late"):
                late = TIMEOUT_S + LATE_S * log.dice.random() ** 2
                log.at_broker(late, self._land, answer, tp, sequence, records, 1.0)
            elif not log.hit(rates.lost, "request lost"):
                unanswered = 1.0 if log.hit(rates.unanswered, "answer lost") else 0.0
                log.at_broker(log.delay(), self._land, answer, tp, sequence, records, unanswered)
            said = await answer
            if isinstance(said, KafkaError):
                raise said
            if said is not None:
                return said

    def _land(
        self,
        answer: asyncio.Future[int | KafkaError | None],
        tp: TopicPartition,
        sequence: int,
        records: Sequence[Any],
        unanswered: float,
    ) -> None:
        said: int | KafkaError
        try:
            said = self._log.append_once(tp, self._session, sequence, records)
        except KafkaError as error:
            said = error
        if not unanswered:
            self._log.at_broker(self._log.delay(), settle, answer, said)


class Consumer:
    """A consumer without a group, as aiokafka's: what `broker.ledger` reads through."""

    def __init__(self, *, log: Log, max_poll_records: int = 500, **_: Any) -> None:
        """Take the log in place of the broker's address."""
        self._log = log
        self._records_max = max_poll_records
        self._positions: dict[TopicPartition, int] = {}
        # What `broker.patience` reaches into; no fetch is under way here for others to wait with.
        client = SimpleNamespace(cluster=SimpleNamespace(leader_for_partition=None))
        self._subscription = SimpleNamespace(subscription=None)
        self._fetcher = SimpleNamespace(_get_actions_per_node=None, _client=client)

    async def start(self) -> None:
        """See aiokafka."""
        await self._log.ask(lambda: None)

    async def stop(self) -> None:
        """See aiokafka."""

    def assign(self, tps: Sequence[TopicPartition]) -> None:
        """See aiokafka."""
        self._positions = dict.fromkeys(tps, 0)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """See aiokafka."""
        self._positions[tp] = offset

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """See aiokafka."""
        return await self._log.ask(lambda: {tp: len(self._log.topics[tp]) for tp in tps})

    async def getmany(self, *_: Any, timeout_ms: int = 0) -> dict[TopicPartition, list[Stored]]:
        """See aiokafka; how much comes at once is up to the dice."""
        fetched = await self._log.ask(self._fetch)
        if not fetched:
            await asyncio.sleep(timeout_ms / 1000)
        for tp, messages in fetched.items():
            self._positions[tp] = messages[-1].offset + 1
        return fetched

    def _fetch(self) -> dict[TopicPartition, list[Stored]]:
        found = {}
        for tp, start in self._positions.items():
            size = self._log.dice.choice((1, 3, 20, self._records_max))
            messages = self._log.topics[tp][start : start + size]
            if messages:
                found[tp] = messages
        return found


class Connection:
    """What `broker.connection` has, for these consumers."""

    def __init__(self, log: Log) -> None:
        """Take the log."""
        self._log = log

    def options(self) -> dict[str, Any]:
        """Return what a consumer takes."""
        return {"log": self._log}
