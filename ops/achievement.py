"""Change the status of one achievement: a new version of the definitions, as any change is."""

from datetime import UTC, datetime

from broker.apply import put_in_force
from broker.connection import Connection
from broker.definitions import DefinitionsReader
from ops.apply import Applied, applied_after
from schemas.changes import Status, with_status
from schemas.topics import Topics
from schemas.versions import succeed


async def set_status(
    connection: Connection, topics: Topics, key: str, status: Status, *, tenant: str
) -> Applied:
    """Make an achievement active or locked; return what the version that says so changes.

    Raises LookupError when the definitions in force have no such achievement, StatusError when it
    cannot become that, OvertakenError and KafkaError as `ops.apply` does.
    """
    async with DefinitionsReader(connection, topics.definitions) as reader:
        head = reader.head(tenant)
        if head is None:
            raise LookupError(f"tenant {tenant!r} has no definitions: `xp apply FILE`")
        game = with_status(head.definitions, key, status)
        version = head
        if game != head.definitions:
            version = succeed(head, game, tenant, datetime.now(UTC))
        # Of the version that is in force already the markers alone: they may be missing.
        await put_in_force(connection, topics, reader, version)
    return applied_after(head, version)
