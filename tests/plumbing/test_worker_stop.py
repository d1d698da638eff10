"""A worker that is told to stop before it has started ends by itself."""

import asyncio
import threading
from contextlib import suppress

from plumbing.running import PATIENCE_S

from broker.connection import Connection
from broker.topics import create_topics
from processor.worker import Worker, WorkerConfig
from schemas.topics import Topics


async def test_a_worker_that_is_stopped_while_it_starts_leaves_no_thread_behind(
    stack, prefix, tmp_path
):
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, 2)
    before = set(threading.enumerate())

    def begun():
        # Of the group's consumer, among others: one that is left keeps a process from ending.
        return {it for it in set(threading.enumerate()) - before if not it.daemon}

    config = WorkerConfig(connection, topics, tmp_path / "data", tmp_path / "snapshots")
    running = asyncio.create_task(Worker(config).run())
    async with asyncio.timeout(PATIENCE_S):
        while not begun():
            await asyncio.sleep(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        while any("asyncio" not in it.name and "ThreadPool" not in it.name for it in begun()):
            await asyncio.sleep(0.05)
