"""The loops of assigned partitions end when they are told to, whatever they are doing."""

import asyncio
from contextlib import suppress

from processor.partition_loops import PartitionLoops


class Deaf:
    """A loop that does not hear the first cancellation, as aiokafka's `stop` makes it."""

    def put(self, start, messages):
        pass

    async def run(self):
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()


async def test_a_loop_whose_cancellation_is_swallowed_ends_all_the_same():
    failures: list[BaseException] = []
    loops = PartitionLoops("test", lambda _partition: Deaf(), failures.append)
    loops.start([0, 1])
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await loops.stop()
    assert not failures
