"""Bring a lane's state to the end of its ledger partition, and find the event that is due next.

What a topic has lost, or another topic of the same name, shows here, and is told apart.
"""

import asyncio

import structlog

from processor.feed import Feed
from processor.ledger import Ledger
from processor.messages import LaneContext, append_time
from processor.metrics import STORES_DISCARDED
from processor.partition_state import PartitionState
from processor.pending import Message
from schemas.instants import from_millis, write_instant
from schemas.topics import Topics

log = structlog.get_logger(__name__)


class SourceLostError(Exception):
    """A topic does not hold what is needed next: an operator must say what happened."""


class Recovery:
    """How the lane of one partition comes to know where it stands."""

    def __init__(
        self,
        context: LaneContext,
        state: PartitionState,
        feed: Feed,
        ledger: Ledger,
        topics: Topics,
    ) -> None:
        self._context = context
        self._state = state
        self._feed = feed
        self._ledger = ledger
        self._topics = topics
        self._log = log.bind(partition=context.partition, lane=context.lane)

    async def fold(self) -> None:
        """Fold the ledger into the state, up to the end that it has now.

        A store of another ledger, or ahead of this one, is thrown away first. Raises
        SourceLostError when the ledger lacks a record that is needed, and a KafkaError.
        """
        partition, state = self._context.partition, self._state
        topic = self._topics.ledger
        first, end = await self._feed.bounds(topic, partition)
        if state.ledger > end:
            self._discard("ahead", "lane.store_ahead", end)
        needed = state.applied if state.last else 0
        if first > needed:
            raise SourceLostError(
                f"{topic}/{partition} begins at {first}, but record {needed} is needed. The ledger "
                "must never be shortened: bring it back from your copy of it."
            )
        if state.last and await self._ledger.link_at(state.applied) != state.last:
            self._discard("another", "lane.ledger_is_another", end)
        folded = 0
        async for batch in self._ledger.read(state.position, end):
            for _offset, record in batch.records:
                state.fold(record)
            applied = batch.records[-1][0] if batch.records else state.applied
            state.keep(batch.after.offset, applied)
            folded += len(batch.records)
            await asyncio.sleep(0)
        self._log.info("lane.folded", records=folded, ledger=state.ledger)

    def _discard(self, reason: str, event: str, end: int) -> None:
        self._log.warning(event, stored=self._state.ledger, end=end)
        STORES_DISCARDED.labels(reason).inc()
        self._state.reset()

    async def find_source(self) -> tuple[int, int, int]:
        """Return the first offset of the events, the one that is due next, and the one after all.

        Raises SourceLostError when the event that is due has been lost, or was of another topic.
        """
        topic, partition, epoch = self._topics.events, self._context.partition, self._context.epoch
        last = self._state.last
        if last is not None and last.epoch > epoch:
            raise SourceLostError(
                f"{self._topics.ledger}/{partition} has records of epoch {last.epoch}, but "
                f"{self._topics.definitions} said epoch {epoch} when this worker was assigned the "
                "partition. The epoch was raised meanwhile: start the worker again. If that does "
                f"not help, {self._topics.definitions} has lost its end: bring it back."
            )
        due = self._state.next_source(epoch)
        first, end = await self._feed.bounds(topic, partition)
        if not first <= due <= end:
            raise SourceLostError(
                f"{topic}/{partition} holds the events {first} to {end}, but event {due} of epoch "
                f"{epoch} is due next. {_what_to_do(truncated=first > due)}"
            )
        return first, due, end

    def check_last(self, found: Message) -> None:
        """Check that the event judged last is the one that its topic has at its offset.

        Raises SourceLostError when the topic was recreated.
        """
        # What the lane that judged it believed of the headers is not asked again: secrets change.
        stamp = append_time(found.timestamp, dict(found.headers))
        if self._state.appended not in (stamp, found.timestamp):
            found_at, known_at = (
                write_instant(from_millis(it)) for it in (stamp, self._state.appended)
            )
            raise SourceLostError(
                f"event {found.offset} of {self._topics.events}/{self._context.partition} was "
                f"appended at {found_at}, but the one that was judged under this number at "
                f"{known_at}. {_what_to_do(truncated=False)}"
            )


def _what_to_do(*, truncated: bool) -> str:
    recreated = "If the topic was recreated, raise the epoch: `xp topics --raise-epoch`."
    if not truncated:
        return recreated
    return (
        "Events were removed before they were judged, by retention or by hand: they are lost, "
        f"unless you bring them back. {recreated}"
    )
