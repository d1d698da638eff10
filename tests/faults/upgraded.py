"""A world that begins as the released version, whose records are of version 1.

Its programs come out of this checkout's history. Where that lacks them, as a shallow clone does,
the world begins with what they left: a ledger, which is put in place of a new one, while the events
that led to it are gone and a new epoch begins.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from faults.again import version_of
from faults.classes import Options
from faults.recording import read_recording
from faults.world import ROOT, World

from broker.apply import raise_epoch
from broker.connection import start_consumer
from broker.producer import producer as new_producer
from ops.rooms import ROOMS
from projections.database import ReadFormatError, connect
from projections.migrations import check_schema
from schemas.records import RECORD_VERSION

RELEASED: Final = "cfff5f31b1baa11830cac3060f5eb80b87549d43"


def check_out(directory: Path) -> bool:
    """Put the released programs into a directory; False where they cannot be had."""
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", RELEASED, *ROOMS]
    try:
        packed = subprocess.run(command, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(directory, filter="data")
    return True


class UpgradedWorld(World):
    """A world whose parts run the released version until they are upgraded, one by one."""

    is_signed = False

    def __init__(self, home: Path, options: Options) -> None:
        """Get the released version, or what it left."""
        super().__init__(home, options)
        self._released = home / "released"
        self.is_whole = check_out(self._released)
        if not self.is_whole:
            self.recording = read_recording()
        # Parts that run the present version from their next start on.
        self.upgraded: set[str] = set()

    def environment(self, part: str) -> dict[str, str]:
        """See Supervisor. The released version does not sign."""
        return super().environment(part) | {"XP_PARTS_UNSIGNED_UNTIL": "2100-01-01T00:00:00Z"}

    @property
    def means(self) -> str:
        """How it begins, for the report."""
        return f"released as {RELEASED[:7]}" if self.is_whole else "released as recorded"

    def command(self, part: str) -> list[str]:
        """Run the part from the history or from here."""
        words = super().command(part)
        if self.is_whole and part not in self.upgraded:
            words[1] = str(self._released / "ops" / "part.py")
        return words

    async def writes_today(self) -> bool:
        """Tell whether the last record of any partition is of the version that is written today."""
        consumer = AIOKafkaConsumer(**self.connection.options())
        await start_consumer(consumer)
        try:
            places = [
                TopicPartition(self.topics.ledger, it) for it in range(self.options.partitions)
            ]
            consumer.assign(places)
            for place, end in (await consumer.end_offsets(places)).items():
                if end:
                    consumer.seek(place, end - 1)
                    last = await consumer.getone(place)
                    if version_of(last.value) == RECORD_VERSION:
                        return True
        finally:
            await consumer.stop()
        return False

    async def migrate(self) -> None:
        """Make the tables by the version that begins."""
        await self._run(*self.command("migrate"))

    async def prepare(self) -> None:
        """Make the tables those of the present version, as an operator does; all goes on."""
        await self._run(sys.executable, "-P", "-m", "ops", "migrate")
        async with connect(self.dsn) as database:
            try:
                await check_schema(database)
            except ReadFormatError:
                await self._run(sys.executable, "-P", "-m", "ops", "project", "--rebuild")
                self.notes.append("read models rebuilt")

    async def _run(self, *command: str) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | self.environment("operator")
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, env=environment
        )
        assert done.returncode == 0, done.stderr.decode()

    async def publish_past(self) -> None:
        """Put the recorded ledger in place, and begin a new epoch."""
        if self.recording is None:
            return
        async with new_producer(self.connection) as producer:
            for partition, records in self.recording.ledger.items():
                sent = [
                    await producer.send(
                        self.topics.ledger, raw.value, key=raw.key, partition=partition
                    )
                    for raw in records
                ]
                await asyncio.gather(*sent)
        self.epoch = await raise_epoch(self.connection, self.topics)
