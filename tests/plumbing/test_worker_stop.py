"""A worker that is told to stop before it has started ends by itself."""

import asyncio
import threading
import time
from contextlib import suppress

import pytest
from plumbing.running import PATIENCE_S

from broker.connection import Connection
from broker.topics import create_topics
from processor.membership import Thread
from processor.worker import Worker, WorkerConfig
from schemas.topics import Topics


@pytest.mark.parametrize("turn_after_s", [0.0, 1.0])
async def test_a_worker_that_is_stopped_while_it_starts_leaves_no_thread_behind(
    stack, prefix, tmp_path, monkeypatch, turn_after_s
):
    begin = Thread._start_thread

    def begin_late(thread):
        # A thread that has begun need not have had its first turn.
        time.sleep(turn_after_s)
        begin(thread)

    monkeypatch.setattr(Thread, "_start_thread", begin_late)
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
