"""What the commands ask of the definitions: their reader, and what to say where there are none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.topics import partition_count
from schemas.topics import DEFAULT_TENANT, Topics


class NoDefinitionsError(LookupError):
    """A tenant has no definitions; the message says how to apply some."""

    def __init__(self, tenant: str) -> None:
        """Take the tenant."""
        flag = "" if tenant == DEFAULT_TENANT else f" --tenant {tenant}"
        super().__init__(
            f"tenant {tenant!r} has no definitions: apply some with `xp apply FILE{flag}`"
        )


@asynccontextmanager
async def definitions(connection: Connection, topics: Topics) -> AsyncIterator[DefinitionsReader]:
    """Lend a reader of all definitions that there are now.

    Raises LookupError where their topic is missing, KafkaError when Kafka is away.
    """
    # A client would wait most of a minute for a topic that nobody has made.
    await partition_count(connection, topics.definitions)
    async with DefinitionsReader(connection, topics.definitions) as reader:
        yield reader
