"""Read the versions of definitions from their topic, and follow it. Writing is `broker.apply`.

A version counts if its parent is the head of its tenant; one that lost a race is ignored by all
readers alike. One that this program cannot read counts for its tenant, as another program may read
it: none that follows it is taken, and nobody else notices.
"""

import asyncio
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Self

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from broker.connection import Connection, start_consumer, stop_consumer
from broker.metrics import FOREIGN
from broker.patience import positions_of
from schemas.codec import (
    ForeignRecordError,
    UnreadableRecordError,
    UnreadableVersionError,
    read_definitions_record,
)
from schemas.versions import EpochMark, Version

log = structlog.get_logger(__name__)


class DefinitionsReader:
    """Holds every version that counts; `refresh` brings in what has come since."""

    def __init__(self, connection: Connection, topic: str) -> None:
        """Prepare to read `topic` from its first record."""
        self._tp = TopicPartition(topic, 0)
        self._versions: dict[str, list[Version]] = {}
        self._unreadable: dict[tuple[str, int], str] = {}
        # Tenant -> the number of the version after its head, where it cannot be read.
        self._stuck: dict[str, int] = {}
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
            self._consumer.pause(self._tp)
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

    @property
    def unreadable(self) -> Mapping[tuple[str, int], str]:
        """Why versions cannot be read, by tenant and number."""
        return MappingProxyType(self._unreadable)

    async def refresh(self) -> None:
        """Read to the end that the topic has now. Raises UnreadableRecordError for an epoch."""
        async with self._busy:
            end = (await self._consumer.end_offsets([self._tp]))[self._tp]
            if self._next < end:
                await self._read_to(end)

    async def _read_to(self, end: int) -> None:
        # Fetched only while there is something to be fetched: a broker answers the requests of a
        # connection one after the other, and who asks for the end would wait for an idle fetch.
        self._consumer.resume(self._tp)
        try:
            while self._next < end:
                fetched = await self._consumer.getmany(self._tp, timeout_ms=1000)
                for message in fetched.get(self._tp, ()):
                    self._read(message)
                    self._next = message.offset + 1
                # There may be nothing up to where fetching has come.
                self._next = max(self._next, positions_of(self._consumer).get(self._tp, 0))
        except UnreadableRecordError:
            # Who asks again gets the error again, instead of waiting for what was fetched.
            self._consumer.seek(self._tp, self._next)
            raise
        finally:
            self._consumer.pause(self._tp)

    def _read(self, message: ConsumerRecord) -> None:
        try:
            self._take(read_definitions_record(message.value))
        except ForeignRecordError as error:
            # Somebody else's words are no version: they are logged and passed over.
            log.warning("definitions.foreign", offset=message.offset, error=str(error))
            FOREIGN.labels(self._tp.topic).inc()
        except UnreadableVersionError as error:
            log.warning("definitions.unreadable", offset=message.offset, error=str(error))
            self._remember(error)

    def _take(self, record: Version | EpochMark) -> None:
        if isinstance(record, EpochMark):
            self._epoch = max(self._epoch, record.epoch)
            return
        versions = self._versions.setdefault(record.tenant, [])
        is_next = record.parent == len(versions) and record.version == len(versions) + 1
        if is_next and record.tenant not in self._stuck:
            versions.append(record)
            self._unreadable.pop((record.tenant, record.version), None)

    def _remember(self, error: UnreadableVersionError) -> None:
        tenant, version = error.tenant, error.version
        if tenant is None or version is None:
            return
        head = len(self._versions.get(tenant, ()))
        # Up to the head others came first, and this one counts for no program.
        if version > head:
            self._unreadable.setdefault((tenant, version), error.reason)
        if version == head + 1:
            self._stuck.setdefault(tenant, version)

    def head(self, tenant: str) -> Version | None:
        """Return a tenant's newest version, None before the first."""
        versions = self._versions.get(tenant)
        return versions[-1] if versions else None

    def get(self, tenant: str, version: int) -> Version | None:
        """Return one version, None if it has not been read or cannot be."""
        versions = self._versions.get(tenant, [])
        return versions[version - 1] if 0 < version <= len(versions) else None

    def all(self) -> Iterator[Version]:
        """Return every version of every tenant, each tenant's in order."""
        for versions in self._versions.values():
            yield from versions

    def check_head(self, tenant: str) -> None:
        """Check that a tenant's newest version is one of those that were read.

        Raises UnreadableVersionError: nothing can be put in force on top of such a version.
        """
        stuck = self._stuck.get(tenant)
        if stuck is not None:
            raise UnreadableVersionError(tenant, stuck, self._unreadable[tenant, stuck])

    async def wait_for(self, tenant: str, version: int, *, pause_s: float = 0.2) -> Version:
        """Return one version, waiting for it to be published if it is not there yet.

        Raises UnreadableVersionError when it cannot be read, nor any that comes after it.
        """
        while True:
            found = self.get(tenant, version)
            if found is not None:
                return found
            await self.refresh()
            if self.get(tenant, version) is None:
                self.check(tenant, version)
                await asyncio.sleep(pause_s)

    def check(self, tenant: str, version: int) -> None:
        """Raise UnreadableVersionError when a version is known to be one that cannot be read."""
        reason = self._unreadable.get((tenant, version))
        if reason is not None:
            raise UnreadableVersionError(tenant, version, reason)
        stuck = self._stuck.get(tenant)
        if stuck is not None and version > stuck:
            reason = f"it follows version {stuck}: {self._unreadable[tenant, stuck]}"
            raise UnreadableVersionError(tenant, version, reason)
