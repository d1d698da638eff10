"""The contender `faust-total`: Faust as its guide has it, one table write and one send per event.

One total per user, in a memory table with its changelog.
"""

import sys
from pathlib import Path

import faust
import orjson

bootstrap, prefix, scratch, partitions = sys.argv[1:]

app = faust.App(
    f"{prefix}faust-total",
    broker=f"kafka://{bootstrap}",
    store="memory://",
    datadir=str(Path(scratch) / "faust"),
    autodiscover=False,
    web_enabled=False,
    topic_disable_leader=True,
    topic_partitions=int(partitions),
    topic_replication_factor=1,
    consumer_auto_offset_reset="earliest",
    origin="benchmarks",
)
events = app.topic(f"{prefix}events", value_type=bytes, value_serializer="raw")
output = app.topic(f"{prefix}output", value_type=bytes, value_serializer="raw")
totals = app.Table("standings", default=int, partitions=int(partitions))


@app.agent(events)
async def total(stream: faust.StreamT[bytes]) -> None:
    """Add each event to its user's total and tell the new total."""
    async for value in stream:
        event = orjson.loads(value)
        user = event["user"]
        held = totals[user] + event["value"]
        totals[user] = held
        told = orjson.dumps({"user": user, "total": held})
        await (await output.send(key=user, value=told))


if __name__ == "__main__":
    app.finalize()
    worker = faust.Worker(app, loglevel="WARNING", quiet=True)
    worker.execute_from_commandline()
