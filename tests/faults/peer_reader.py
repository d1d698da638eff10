"""Reads what a peer has put out: committed outputs only."""

from __future__ import annotations

import json
import time

from aiokafka import AIOKafkaConsumer
from faults.peer_oracle import Output


class Reader:
    """Reads the committed outputs of a round as they come, and notes when each was first seen."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.consumer = consumer
        self.outputs: list[Output] = []
        self.seen: dict[int, float] = {}
        self.last = time.monotonic()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            batches = await self.consumer.getmany(timeout_ms=100)
            now = time.monotonic()
            for record in (one for batch in batches.values() for one in batch):
                found = json.loads(record.value)
                output = Output(found["number"], found["user"], found["value"], found["total"])
                self.outputs.append(output)
                self.seen.setdefault(output.number, now)
                self.last = now
