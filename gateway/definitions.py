"""The definitions in force: followed, and refreshed when a request names what is new.

Checking something against them and, where they lack it, once more against newer ones is done here
and nowhere else. Editing them is `gateway.edits`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

import structlog
from aiokafka.errors import KafkaError

from broker.connection import Connection
from broker.definitions import DefinitionsReader
from contract.errors import ContractError, MissingItemError
from contract.items import NO_KEYS, KeysInUse, keys_in_use
from gateway.edits import Edit, Editor, existing
from gateway.http import metrics
from gateway.http.errors import NotReadyError
from gateway.missed import Missed
from schemas.records import Record
from schemas.topics import Topics
from schemas.versions import Version

PAUSE_S: Final = 0.5
# At most so often are definitions read because a request names something unknown.
REFRESH_EVERY_S: Final = 1.0
REFRESH_TIMEOUT_S: Final = 1.0

FoundT = TypeVar("FoundT")
OutcomeT = TypeVar("OutcomeT")

log = structlog.get_logger(__name__)


class LiveDefinitions:
    """Every tenant's definitions, as far as they have been read."""

    def __init__(
        self,
        connection: Connection,
        topics: Topics,
        clock: Callable[[], datetime],
        *,
        acknowledge_timeout_s: float,
    ) -> None:
        """Take where they are, the time of changes, and how long a change may take."""
        self._connection = connection
        self._topics = topics
        self._known: DefinitionsReader | None = None
        # By tenant, of its newest version.
        self._keys: dict[str, tuple[Version, KeysInUse]] = {}
        self._refreshed_s = 0.0
        # What they lacked although they were read anew for it: tenants, versions, whatever a
        # request named. What comes to be is told by the ledger's records too (`look`).
        self._missed = Missed()
        self._editor = Editor(
            connection, topics, clock, acknowledge_timeout_s=acknowledge_timeout_s
        )

    async def run(self) -> None:
        """Hold the connection until cancelled; refreshing is asked for by who needs it."""
        try:
            while True:
                reader = DefinitionsReader(self._connection, self._topics.definitions)
                try:
                    async with reader:
                        self._known = reader
                        log.info("definitions.read")
                        await asyncio.Event().wait()
                except Exception as error:  # noqa: BLE001  whatever fails, definitions must come again
                    log.warning("definitions.failed", error=repr(error))
                    metrics.FAILURES.labels("definitions").inc()
                    await asyncio.sleep(PAUSE_S)
        finally:
            await self._editor.close()

    @property
    def known(self) -> bool:
        """Whether they have been read: before that nothing can be checked."""
        return self._known is not None

    @property
    def epoch(self) -> int:
        """The epoch of source positions in force; NotReadyError before it is known."""
        return self._reader.epoch

    @property
    def _reader(self) -> DefinitionsReader:
        if self._known is None:
            raise NotReadyError("The definitions are not read yet: the broker is away. Try again.")
        return self._known

    def head(self, tenant: str) -> Version | None:
        """Return a tenant's newest version, None before its first; NotReadyError."""
        return self._reader.head(tenant)

    def keys(self, tenant: str) -> KeysInUse:
        """Return the keys that an event of a tenant may name; NotReadyError."""
        head = self._reader.head(tenant)
        if head is None:
            return NO_KEYS
        known = self._keys.get(tenant)
        if known is None or known[0] is not head:
            known = self._keys[tenant] = head, keys_in_use(head)
        return known[1]

    def version(self, tenant: str, number: int) -> Version | None:
        """Return the version that a record was judged by, the newest one when it is unknown."""
        return self._reader.get(tenant, number) or self._reader.head(tenant)

    async def look(self, record: Record) -> None:
        """Bring in the definitions and the epoch that a record names, if they are newer."""
        known = self._known
        if known is None:
            if record.definitions or record.source.epoch:
                raise NotReadyError("The definitions are not read yet.")
            return
        if record.source.epoch > known.epoch:
            await known.refresh()
        if record.definitions and known.get(record.tenant, record.definitions) is None:
            await self._look_for(known, record.tenant, record.definitions)

    async def _look_for(self, known: DefinitionsReader, tenant: str, version: int) -> None:
        # One that cannot be read is named by record after record.
        if (tenant, version) in self._missed:
            return
        await known.refresh()
        if known.get(tenant, version) is None:
            self._missed.note((tenant, version))

    async def refreshed(self, *, always: bool = False) -> bool:
        """Read what has come, unless that was done a moment ago.

        Who changes them cannot wait for that moment to pass: `always`. Returns whether it was done,
        and not what came of it: a broker that is away changes nothing.
        """
        now_s = time.monotonic()
        if not always and now_s - self._refreshed_s < REFRESH_EVERY_S:
            return False
        self._refreshed_s = now_s
        try:
            async with asyncio.timeout(REFRESH_TIMEOUT_S):
                await self._reader.refresh()
        except (KafkaError, TimeoutError):
            return False
        return True

    async def checked(self, tenant: str, check: Callable[[Version | None], FoundT]) -> FoundT:
        """Return what a check finds in the newest definitions.

        What they lack may have been defined since: where the check raises ContractError, it is made
        once more with newer ones, and what it raises then is raised; at once where they were read
        for the same a moment ago.
        """
        try:
            return check(self.head(tenant))
        except ContractError as error:
            if (tenant, str(error)) in self._missed or not await self.refreshed():
                raise
        try:
            return check(self.head(tenant))
        except ContractError as error:
            self._missed.note((tenant, str(error)))
            raise

    async def reading(self, tenant: str, read: Callable[[Version], Awaitable[FoundT]]) -> FoundT:
        """Return what is read of rows under the newest definitions.

        Rows that name what these lack are ahead of them: they are read once more under newer ones.
        Raises UnknownItemError for a tenant without definitions, NotReadyError where none newer can
        be had right now.
        """
        version = await self.checked(tenant, lambda head: existing(tenant, head))
        try:
            return await read(version)
        except MissingItemError as error:
            if not await self.refreshed():
                raise NotReadyError("The newest definitions are being read. Try again.") from error
        return await read(self.head(tenant) or version)

    async def newest(self, tenant: str) -> Version:
        """Return a tenant's newest version, read now; UnknownItemError where there is none."""
        if tenant not in self._missed:
            await self.refreshed(always=True)
        head = self.head(tenant)
        if head is None:
            self._missed.note(tenant)
        return existing(tenant, head)

    async def change(self, tenant: str, edit: Edit[OutcomeT]) -> tuple[Version, OutcomeT]:
        """Put in force what an edit makes of the newest definitions (`Editor.change`)."""
        return await self._editor.change(self._reader, tenant, edit)
