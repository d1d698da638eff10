"""The contender `faust-small`: the small job in Faust as its guide has it, at least once.

A memory table with its changelog, one table write and one awaited send per event.
"""

import sys
from pathlib import Path

import faust
import orjson

from benchmarks.peers.small_job import judge, told

bootstrap, prefix, scratch, partitions = sys.argv[1:]

app = faust.App(
    f"{prefix}faust-small",
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
standings = app.Table("standings", partitions=int(partitions))


@app.agent(events)
async def count(stream: faust.StreamT[bytes]) -> None:
    """Judge each event on its user's standing and tell the new one."""
    async for value in stream:
        event = orjson.loads(value)
        user = event["user"]
        standing = judge(standings.get(user), event)
        standings[user] = standing
        await (await output.send(key=user, value=orjson.dumps(told(event, standing))))


if __name__ == "__main__":
    app.finalize()
    worker = faust.Worker(app, loglevel="WARNING", quiet=True)
    worker.execute_from_commandline()
