"""What a contender should have written, and what it has: a figure of wrong work is worth nothing.

Reads `{prefix}output` as a reader of committed records does. Knows the outputs of the contenders in
this package, which all name the user and the total; those of the small job name the event too.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from broker.connection import Connection, start_consumer

SILENCE_MS = 500


async def committed(
    bootstrap: str, topic: str, partitions: int, total: int, patience_s: float
) -> list[Any]:
    """Return the topic's committed records, read as JSON, each partition's in its order.

    Returns when there are `total` of them or more and no more come, or after `patience_s` seconds.
    """
    options = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
    consumer = AIOKafkaConsumer(**Connection(bootstrap).options(), **options)
    await start_consumer(consumer)
    found: list[Any] = []
    try:
        tps = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        until = asyncio.get_running_loop().time() + patience_s
        while asyncio.get_running_loop().time() < until:
            batches = await consumer.getmany(timeout_ms=SILENCE_MS)
            found.extend(json.loads(one.value) for batch in batches.values() for one in batch)
            if not batches and len(found) >= total:
                break
    finally:
        await consumer.stop()
    return found


def mistakes(
    lines: Iterable[tuple[bytes, bytes]], outputs: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Return what is wrong with the outputs for these (key, value) inputs, a sentence each.

    Every input must have one output, and each user's last total must be the sum of its values.
    Where inputs and outputs bear idempotency keys, each input's must be on one output.
    """
    totals: Counter[str] = Counter()
    inputs: Counter[str] = Counter()
    wanted_keys: Counter[str] = Counter()
    for _key, value in lines:
        event = json.loads(value)
        totals[event["user"]] += event["value"]
        inputs[event["user"]] += 1
        if "idempotencyKey" in event:
            wanted_keys[event["idempotencyKey"]] += 1
    last: dict[str, int] = {}
    written: Counter[str] = Counter()
    keys: Counter[str] = Counter()
    for output in outputs:
        user = output["user"]
        last[user] = output["total"]
        written[user] += 1
        if "idempotencyKey" in output:
            keys[output["idempotencyKey"]] += 1
    found = []
    if written != inputs:
        found.append(f"{inputs.total()} events have {written.total()} outputs")
    if last != totals:
        wrong = sum(last.get(user) != total for user, total in totals.items())
        found.append(f"the last totals of {wrong} of {len(totals)} users are wrong")
    if keys and keys != wanted_keys:
        lost, doubled = (wanted_keys - keys).total(), (keys - wanted_keys).total()
        found.append(f"{lost} events have no output, {doubled} outputs are too many")
    return found
