"""The agents: thin plumbing that puts a chunk on its partition's lane, and nothing else."""

from collections.abc import AsyncIterable, Awaitable, Callable

from processor.fetching import Chunk
from processor.partition_loops import PartitionLoops

Agent = Callable[[AsyncIterable[Chunk]], Awaitable[None]]


def judge_agent(lanes: PartitionLoops, arrived: Callable[[Chunk], None]) -> Agent:
    """Return the agent that hands events to the lanes that judge them, and then calls `arrived`."""

    async def judge(chunks: AsyncIterable[Chunk]) -> None:
        async for chunk in chunks:
            lanes.put(chunk.partition, chunk.start, chunk.messages)
            arrived(chunk)

    return judge


def announce_agent(announcers: PartitionLoops, arrived: Callable[[Chunk], None]) -> Agent:
    """Return the agent that hands ledger records to their announcers, and then calls `arrived`."""

    async def announce(chunks: AsyncIterable[Chunk]) -> None:
        async for chunk in chunks:
            announcers.put(chunk.partition, chunk.start, chunk.messages)
            arrived(chunk)

    return announce
