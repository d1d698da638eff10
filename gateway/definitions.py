"""The definitions in force: followed, refreshed when a request names what is new, and edited.

Checking something against them and, where they lack it, once more against newer ones is done here
and nowhere else; so is putting an edit in force.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from broker.apply import OvertakenError, next_version, put_in_force
from broker.connection import Connection
from broker.definitions import DefinitionsReader
from contract.errors import ContractError, MissingItemError, UnknownItemError
from contract.items import NO_KEYS, KeysInUse, keys_in_use
from gateway.http import metrics
from gateway.http.errors import ApiError, NotReadyError, UnavailableError
from schemas.codec import UnreadableVersionError, VersionTooLargeError
from schemas.definitions import Definitions
from schemas.records import Record
from schemas.topics import Topics
from schemas.versions import Version

PAUSE_S: Final = 0.5
# At most so often are definitions read because a request names something unknown.
REFRESH_EVERY_S: Final = 1.0
REFRESH_TIMEOUT_S: Final = 1.0
# How often somebody else's change of definitions may come before ours.
CHANGE_ATTEMPTS: Final = 5
UNREADABLE_RETRY_S: Final = 60

FoundT = TypeVar("FoundT")
OutcomeT = TypeVar("OutcomeT")

# A pure function of definitions: what they are to become, and what became of what was asked for.
Edit = Callable[[Definitions], tuple[Definitions, OutcomeT]]

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
        self._clock = clock
        self._acknowledge_timeout_s = acknowledge_timeout_s
        self._known: DefinitionsReader | None = None
        # By tenant, of its newest version.
        self._keys: dict[str, tuple[Version, KeysInUse]] = {}
        self._refreshed_s = 0.0
        self._changing = asyncio.Lock()
        self._changes: set[asyncio.Task[tuple[Version, object]]] = set()

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
            for change in self._changes:
                change.cancel()
            await asyncio.gather(*self._changes, return_exceptions=True)

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
        if record.source.epoch > known.epoch or (
            record.definitions and known.get(record.tenant, record.definitions) is None
        ):
            await known.refresh()

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
        once more with newer ones, and what it raises then is raised.
        """
        try:
            return check(self.head(tenant))
        except ContractError:
            if not await self.refreshed():
                raise
        return check(self.head(tenant))

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
        await self.refreshed(always=True)
        return existing(tenant, self.head(tenant))

    async def change(self, tenant: str, edit: Edit[OutcomeT]) -> tuple[Version, OutcomeT]:
        """Put in force what an edit makes of the newest definitions.

        Returns that version and the edit's outcome. The edit is made anew, of newer definitions,
        when somebody else's change came first; what it raises is raised. What is the same is no new
        version. Raises UnknownItemError for a tenant without definitions, ApiError 422 for more
        than fits into a record, and UnavailableError when the broker is away or the newest version
        cannot be read.
        """
        task = asyncio.create_task(self._change(self._reader, tenant, edit))
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        # Nobody may be left to take what it raises.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        # Neither a deadline nor a client that leaves may stop it half-way.
        done, _ = await asyncio.wait({task}, timeout=self._acknowledge_timeout_s)
        try:
            if done:
                return task.result()
        except VersionTooLargeError as error:
            raise ApiError(422, f"Nothing is changed: {error}.") from error
        except MessageSizeTooLargeError as error:
            raise ApiError(
                422, "The definitions would be larger than the broker takes: archived items count."
            ) from error
        except UnreadableVersionError as error:
            # Until a newer gateway runs, or for ever: nothing that asking again soon would help.
            message = f"Nothing is changed: {error}."
            raise UnavailableError(message, retry_after_s=UNREADABLE_RETRY_S) from error
        except (KafkaError, OSError) as error:
            log.warning("change.failed", error=repr(error))
        else:
            log.warning("change.unfinished")
        raise UnavailableError(
            "The broker is away. The change may still come into force: look before trying again."
        )

    async def _change(
        self, reader: DefinitionsReader, tenant: str, edit: Edit[OutcomeT]
    ) -> tuple[Version, OutcomeT]:
        async with self._changing:
            for _ in range(CHANGE_ATTEMPTS):
                await reader.refresh()
                reader.check_head(tenant)
                head = existing(tenant, reader.head(tenant))
                game, outcome = edit(head.definitions)
                made = next_version(reader, tenant, _always(game), self._clock())
                if made.is_news:
                    try:
                        await put_in_force(self._connection, self._topics, reader, made.version)
                    except OvertakenError:
                        continue
                    log.info("definitions.changed", tenant=tenant, version=made.version.version)
                return made.version, outcome
        raise UnavailableError("Somebody else is changing the definitions all the time. Try again.")


def _always(game: Definitions) -> Callable[[Version | None], Definitions]:
    return lambda _: game


def existing(tenant: str, head: Version | None) -> Version:
    """Return a tenant's version; UnknownItemError for a tenant without definitions."""
    if head is None:
        raise UnknownItemError(f"The tenant {tenant!r} has no definitions: `xp apply` them.")
    return head
