"""Read the versions of definitions from their topic, and follow it. Writing is `broker.apply`.

A version counts if its parent is the head of its tenant; one that lost a race is ignored by all
readers alike.
"""

import asyncio
from collections.abc import Iterator
from typing import Self

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from broker.connection import Connection, start_consumer, stop_consumer
from schemas.codec import ForeignRecordError, read_definitions_record
from schemas.versions import EpochMark, Version

log = structlog.get_logger(__name__)


class DefinitionsReader:
    """Holds every version that counts; `refresh` brings in what has come since."""

    def __init__(self, connection: Connection, topic: str) -> None:
        """Prepare to read `topic` from its first record."""
        self._tp = TopicPartition(topic, 0)
        self._versions: dict[str, list[Version]] = {}
        self._epoch = 0
        self._next = 0
        self._busy = asyncio.Lock()
        self._consumer = AIOKafkaConsumer(
            **connection.options(), enable_auto_commit=False, auto_offset_reset="none"
        )

    async def __aenter__(self) -> Self:
        """Connect and read all there is."""
        await start_consumer(self._consumer)
        try:
            self._consumer.assign([self._tp])
            self._consumer.seek(self._tp, 0)
            await self.refresh()
        except BaseException:
            await stop_consumer(self._consumer)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await stop_consumer(self._consumer)

    @property
    def epoch(self) -> int:
        """The epoch of source positions in force: 0 until an operator raises it."""
        return self._epoch

    async def refresh(self) -> None:
        """Read to the end that the topic has now."""
        async with self._busy:
            end = (await self._consumer.end_offsets([self._tp]))[self._tp]
            while self._next < end:
                fetched = await self._consumer.getmany(self._tp, timeout_ms=1000)
                for message in fetched.get(self._tp, ()):
                    self._read(message)
                    self._next = message.offset + 1

    def _read(self, message: ConsumerRecord) -> None:
        try:
            self._take(read_definitions_record(message.value))
        except ForeignRecordError as error:
            # Somebody else's words are no version: they are told of and passed over.
            log.warning("definitions.foreign", offset=message.offset, error=str(error))

    def _take(self, record: Version | EpochMark) -> None:
        if isinstance(record, EpochMark):
            self._epoch = max(self._epoch, record.epoch)
            return
        versions = self._versions.setdefault(record.tenant, [])
        if record.parent == len(versions) and record.version == len(versions) + 1:
            versions.append(record)

    def head(self, tenant: str) -> Version | None:
        """Return a tenant's newest version, None before the first."""
        versions = self._versions.get(tenant)
        return versions[-1] if versions else None

    def get(self, tenant: str, version: int) -> Version | None:
        """Return one version, None if it has not been read."""
        versions = self._versions.get(tenant, [])
        return versions[version - 1] if 0 < version <= len(versions) else None

    def all(self) -> Iterator[Version]:
        """Return every version of every tenant, each tenant's in order."""
        for versions in self._versions.values():
            yield from versions

    async def wait_for(self, tenant: str, version: int, *, pause_s: float = 0.2) -> Version:
        """Return one version, waiting for it to be published if it is not there yet."""
        while True:
            found = self.get(tenant, version)
            if found is not None:
                return found
            await self.refresh()
            if self.get(tenant, version) is None:
                await asyncio.sleep(pause_s)
