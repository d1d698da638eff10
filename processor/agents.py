"""The agents: thin plumbing that puts a chunk on its partition's lane, and nothing else."""

from collections.abc import AsyncIterable, Awaitable, Callable

from processor.lanes import Lanes
from processor.transport import Chunk

Agent = Callable[[AsyncIterable[Chunk]], Awaitable[None]]


def judge_agent(lanes: Lanes) -> Agent:
    """Return the agent that hands events to the lanes that judge them."""

    async def judge(chunks: AsyncIterable[Chunk]) -> None:
        async for chunk in chunks:
            lanes.put(chunk.partition, chunk.start, chunk.messages)

    return judge


def announce_agent(announcers: Lanes) -> Agent:
    """Return the agent that hands ledger records to the loops that announce them."""

    async def announce(chunks: AsyncIterable[Chunk]) -> None:
        async for chunk in chunks:
            announcers.put(chunk.partition, chunk.start, chunk.messages)

    return announce
