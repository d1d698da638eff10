"""Change the status of one achievement: a new version of the definitions, as any change is."""

from datetime import UTC, datetime

from broker.apply import change
from broker.connection import Connection
from ops.apply import Applied, applied_by
from ops.definitions import NoDefinitionsError, definitions
from schemas.changes import Status, with_status
from schemas.definitions import Definitions
from schemas.topics import Topics
from schemas.versions import Version


async def set_status(
    connection: Connection, topics: Topics, key: str, status: Status, *, tenant: str
) -> Applied:
    """Make an achievement active or locked; return what the version that says so changes.

    Raises LookupError when the definitions in force have no such achievement, StatusError when it
    cannot become that, OvertakenError and KafkaError as `ops.apply` does.
    """
    async with definitions(connection, topics) as reader:

        def make(head: Version | None) -> Definitions:
            if head is None:
                raise NoDefinitionsError(tenant)
            return with_status(head.definitions, key, status)

        return applied_by(await change(connection, topics, reader, tenant, make, datetime.now(UTC)))
