"""Handle every award exactly once: `python examples/consumer.py localhost:9092`."""

import asyncio, json, sys

from aiokafka import AIOKafkaConsumer


async def main(bootstrap: str) -> None:
    handled: set[str] = set()  # keep the ids where you keep what you do with the awards
    async with AIOKafkaConsumer(
        "xp.points-awarded",
        bootstrap_servers=bootstrap,
        group_id="my-service",
        auto_offset_reset="earliest",
    ) as consumer:
        async for message in consumer:
            notice = json.loads(message.value)
            if notice["id"] not in handled:
                print(f"{notice['user']}: {notice['awarded']:+} {notice['system']}")
                handled.add(notice["id"])


asyncio.run(main(sys.argv[1]))
