"""Tasks of a test: run beside each other, waited for, and ended; what fails in them is raised."""

import asyncio
import contextlib

# How long anything is waited for that is sure to come.
PATIENCE_S = 120


class Accompanied:
    """A lane with its companions, as a runner runs them, and nothing of its storage."""

    def __init__(self, lane, companions):
        self._lane = lane
        self._companions = companions
        self.put = lane.put

    async def run(self):
        async def accompany(companion):
            await self._lane.folded.wait()
            await companion.run()

        working = [self._lane.run(), *map(accompany, self._companions)]
        tasks = [asyncio.create_task(it) for it in working]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            check(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def check(tasks):
    """Raise what ended any of these tasks."""
    for task in tasks:
        if task.done():
            task.result()


async def meanwhile(waiting, *tasks):
    """Wait for something; what ends any of these tasks by then is raised."""
    waited = asyncio.ensure_future(waiting)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait({waited, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if not waited.done():
            check(tasks)
            raise AssertionError("a task ended before what was waited for")
        return waited.result()
    finally:
        waited.cancel()


async def stop(task):
    """End a task and wait for it."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
