"""Quix Streams with exactly-once: a total per user in its RocksDB, one output per event.

Run by the Python of `.peers/venv`. Arguments: bootstrap servers, topic prefix, directory for local
state, partitions. As its documentation has it, but for the timeouts: the session timeout is the
shortest that a broker takes by default and the transaction timeout is 10 s instead of 60, so that a
round is short; the commit interval is 0.5 s, for more commits to strike at.
"""

import sys
from pathlib import Path
from typing import Any

# Installed in .peers/venv alone, where mypy does not look.
from quixstreams import Application, State  # type: ignore[import-not-found]


def total(event: dict[str, Any], state: State) -> dict[str, Any]:
    held = state.get("total", 0) + event["value"]
    state.set("total", held)
    return {**event, "total": held}


def main(bootstrap: str, prefix: str, scratch: str) -> None:
    app = Application(
        broker_address=bootstrap,
        consumer_group=f"{prefix}quix",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=0.5,
        state_dir=Path(scratch) / "quix",
        consumer_extra_config={"session.timeout.ms": 6_000, "heartbeat.interval.ms": 1_500},
        producer_extra_config={"transaction.timeout.ms": 10_000},
        loglevel="WARNING",
    )
    events = app.topic(f"{prefix}events", value_deserializer="json")
    output = app.topic(f"{prefix}output", value_serializer="json")
    app.dataframe(events).apply(total, stateful=True).to_topic(output)
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:4])
