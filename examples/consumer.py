"""Handle every award exactly once: `python examples/consumer.py kafka.json awards.db`.

kafka.json is what `xp client-config` prints.
"""

import asyncio, json, sqlite3, sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError


async def main(kafka: dict[str, str], file: str) -> None:
    database = sqlite3.connect(file)
    database.execute("CREATE TABLE IF NOT EXISTS awards (id PRIMARY KEY, user, system, awarded)")
    async with AIOKafkaConsumer(
        "xp.points-awarded",
        **kafka,
        group_id="my-service",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    ) as consumer:
        async for message in consumer:
            notice = json.loads(message.value)
            with database:  # one transaction: the id, and all that you do because of the award
                insert = "INSERT OR IGNORE INTO awards VALUES (:id, :user, :system, :awarded)"
                if database.execute(insert, notice).rowcount:
                    print(f"{notice['user']}: {notice['awarded']:+} {notice['system']}")
            await consumer.commit()  # only now: what is not committed yet comes again


if len(sys.argv) != 3:
    sys.exit("usage: python examples/consumer.py KAFKA.JSON FILE")
try:
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2]))
except (KafkaError, OSError, ValueError, sqlite3.Error, KeyboardInterrupt) as error:
    sys.exit(f"stopped: {error}")
