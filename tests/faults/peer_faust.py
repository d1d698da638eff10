"""Idiomatic Faust with `exactly_once`: a total per user in a table, one send per event.

Arguments: bootstrap servers, topic prefix, directory for local state, partitions. The session
timeout is the shortest that a broker takes by default, so that a round is short; everything else is
as Faust's guide has it. Faust has no setting for the transaction timeout.
"""

import sys
from pathlib import Path

import faust
import orjson

bootstrap, prefix, scratch, partitions = sys.argv[1:]

app = faust.App(
    f"{prefix}faust",
    broker=f"kafka://{bootstrap}",
    store="memory://",
    processing_guarantee="exactly_once",
    datadir=str(Path(scratch) / "faust"),
    autodiscover=False,
    web_enabled=False,
    topic_disable_leader=True,
    topic_partitions=int(partitions),
    topic_replication_factor=1,
    consumer_auto_offset_reset="earliest",
    broker_session_timeout=6.0,
    broker_heartbeat_interval=1.5,
    origin="faults",
)
events = app.topic(f"{prefix}events", value_type=bytes, value_serializer="raw")
output = app.topic(f"{prefix}output", value_type=bytes, value_serializer="raw")
totals = app.Table("totals", default=int, partitions=int(partitions))


@app.agent(events)
async def total(stream: faust.StreamT[bytes]) -> None:
    async for value in stream:
        event = orjson.loads(value)
        user = event["user"]
        held = totals[user] + event["value"]
        totals[user] = held
        told = orjson.dumps({**event, "total": held})
        await (await output.send(key=user, value=told))


if __name__ == "__main__":
    app.finalize()
    worker = faust.Worker(app, loglevel="WARNING", quiet=True)
    worker.execute_from_commandline()
