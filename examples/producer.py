"""Publish one event: `producer.py kafka.json u1 lessons 1`, with what `xp client-config` prints."""

import asyncio, json, sys, uuid
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError


async def main(kafka: dict[str, str], user: str, metric: str, value: str) -> None:
    event = {"user": user, "metric": metric, "value": float(value)}
    event["idempotencyKey"] = str(uuid.uuid4())
    async with AIOKafkaProducer(**kafka, acks="all") as producer:
        await producer.send_and_wait("xp.events", json.dumps(event).encode(), user.encode())


if len(sys.argv) != 5:
    sys.exit("usage: python examples/producer.py KAFKA.JSON USER METRIC VALUE")
try:
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text()), *sys.argv[2:]))
except (KafkaError, OSError, ValueError) as error:
    sys.exit(f"not published: {error}")
