"""The loops of assigned partitions end when they are told to, whatever they are doing."""

import asyncio
from contextlib import suppress

from processor.lanes import Lanes


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
    lanes = Lanes("test", lambda _partition: Deaf(), failures.append)
    lanes.start([0, 1])
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await lanes.stop()
    assert not failures
