"""One change of definitions: edited, put in force, and never left half-way.

Following them is `gateway.definitions`.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from broker.apply import OvertakenError, next_version, put_in_force
from broker.connection import Connection
from broker.definitions import DefinitionsReader
from contract.errors import UnknownItemError
from gateway.http.errors import ApiError, UnavailableError
from schemas.codec import UnreadableVersionError, VersionTooLargeError
from schemas.definitions import Definitions
from schemas.topics import Topics
from schemas.versions import Version

# How often somebody else's change of definitions may come before ours.
CHANGE_ATTEMPTS: Final = 5
UNREADABLE_RETRY_S: Final = 60

OutcomeT = TypeVar("OutcomeT")

# A pure function of definitions: what they are to become, and what became of what was asked for.
Edit = Callable[[Definitions], tuple[Definitions, OutcomeT]]

log = structlog.get_logger(__name__)


class Editor:
    """Puts edits in force, one after the other."""

    def __init__(
        self,
        connection: Connection,
        topics: Topics,
        clock: Callable[[], datetime],
        *,
        acknowledge_timeout_s: float,
    ) -> None:
        """Take where definitions are, the time of changes, and how long a change may take."""
        self._connection = connection
        self._topics = topics
        self._clock = clock
        self._acknowledge_timeout_s = acknowledge_timeout_s
        self._changing = asyncio.Lock()
        self._changes: set[asyncio.Task[tuple[Version, object]]] = set()

    async def close(self) -> None:
        """End what is under way."""
        for change in self._changes:
            change.cancel()
        await asyncio.gather(*self._changes, return_exceptions=True)

    async def change(
        self, reader: DefinitionsReader, tenant: str, edit: Edit[OutcomeT]
    ) -> tuple[Version, OutcomeT]:
        """Put in force what an edit makes of the newest definitions that a reader can have.

        Returns that version and the edit's outcome. The edit is made anew, of newer definitions,
        when somebody else's change came first; what it raises is raised. What is the same is no new
        version. Raises UnknownItemError for a tenant without definitions, ApiError 422 for more
        than fits into a record, and UnavailableError when the broker is away or the newest version
        cannot be read.
        """
        task = asyncio.create_task(self._change(reader, tenant, edit))
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
                # In a thread: of the largest game it takes a second, and others ask meanwhile.
                game, outcome = await asyncio.to_thread(edit, head.definitions)
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
