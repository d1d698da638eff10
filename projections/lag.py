"""How far the read models are behind: records of the ledger, and events that were published."""

from broker.connection import Connection as Kafka
from broker.ledger import Position
from broker.topics import end_offsets
from projections.database import READ, connect
from projections.outages import AwayError
from projections.positions import positions
from schemas.topics import Topics


async def ledger_lag(dsn: str, kafka: Kafka, topics: Topics, *, schema: str = READ) -> int:
    """Return how many records of the ledger are not in the read models yet.

    Raises DatabaseUnreachableError, aiokafka's KafkaError when the broker is away, and AwayError
    when there is no such topic.
    """
    async with connect(dsn, schema) as connection:
        stored = await positions(connection)
    ends = await _ends(kafka, topics.ledger)
    return sum(max(0, end - stored.get(p, Position()).offset) for p, end in ends.items())


async def events_behind(dsn: str, kafka: Kafka, topics: Topics, *, epoch: int = 0) -> int:
    """Return how many of the published events have not reached the read models yet.

    Every event has one ledger record, so those are the events after the last record's source.
    Raises as `ledger_lag` does.
    """
    async with connect(dsn) as connection:
        stored = await positions(connection)
    behind = 0
    for partition, end in (await _ends(kafka, topics.events)).items():
        last = stored.get(partition, Position()).last
        judged = last.offset + 1 if last is not None and last.epoch == epoch else 0
        behind += max(0, end - judged)
    return behind


async def _ends(kafka: Kafka, topic: str) -> dict[int, int]:
    # A topic that is not there must not look like one that is read to its end.
    try:
        return await end_offsets(kafka, topic)
    except LookupError as error:
        raise AwayError(str(error)) from error
