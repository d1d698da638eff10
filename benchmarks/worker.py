"""The contender `worker`: an xp worker, as `xp worker` runs it."""

import sys
from pathlib import Path

import uvloop

from broker.connection import Connection
from ops.parts import until_told
from processor.worker import Worker, WorkerConfig
from schemas.topics import Topics

if __name__ == "__main__":
    bootstrap, prefix, scratch, _partitions = sys.argv[1:]
    config = WorkerConfig(Connection(bootstrap), Topics(prefix), Path(scratch) / "state")
    uvloop.run(until_told(Worker(config).run()))
