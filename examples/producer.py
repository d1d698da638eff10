"""Publish one event: `python examples/producer.py localhost:9092 u1 lessons 1`."""

import asyncio, json, sys, uuid

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError


async def main(bootstrap: str, user: str, metric: str, value: str) -> None:
    event = {"user": user, "metric": metric, "value": float(value)}
    event["idempotencyKey"] = str(uuid.uuid4())
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait("xp.events", json.dumps(event).encode(), user.encode())


if len(sys.argv) != 5:
    sys.exit("usage: python examples/producer.py HOST:PORT USER METRIC VALUE")
try:
    asyncio.run(main(*sys.argv[1:]))
except (KafkaError, ValueError) as error:
    sys.exit(f"not published: {error}")
