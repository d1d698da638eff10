"""The only place where Faust is put together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import faust
from faust.assignor.partition_assignor import PartitionAssignor
from faust.types import TP, AppT
from faust.types.auth import CredentialsT

from broker.access import workers_group
from broker.connection import Connection
from processor.agents import announce_agent, judge_agent
from processor.fetching import Chunk, ChunkSchema
from processor.partition_loops import PartitionLoops
from processor.transport import Consumer, Transport
from schemas.topics import Topics

# For so long the partitions of a killed worker wait for its return: the least that brokers admit by
# default. One that was only slow finds them taken, and the chain rule keeps its records out.
SESSION_TIMEOUT_S: Final = 6.0
# A member learns by its heartbeat that the group is being rebalanced, and the others wait for it.
HEARTBEAT_S: Final = 0.5
REQUEST_TIMEOUT_S: Final = 30.0
COMMIT_EVERY_S: Final = 60.0
NEVER_S: Final = 10 * 365 * 24 * 60 * 60.0


class Assignor(PartitionAssignor):
    """Faust's own: moves few partitions, and gives a worker the same ones of both topics."""

    def __init__(self, app: AppT, replicas: int = 0) -> None:
        """Take the app. Without replicas no worker is left idle while another holds two."""
        del replicas
        super().__init__(app, replicas=0)


@dataclass(frozen=True, slots=True)
class Assembly:
    """The Faust app, and its consumer as lanes know it."""

    app: faust.App

    @property
    def consumer(self) -> Consumer:
        """The transport's consumer."""
        consumer = self.app.consumer
        if not isinstance(consumer, Consumer):
            raise TypeError("the app was built with another transport")
        return consumer


def build_app(
    connection: Connection,
    topics: Topics,
    *,
    lanes: PartitionLoops,
    announcers: PartitionLoops,
    instance: str,
    data_dir: Path,
) -> Assembly:
    """Build the Faust app that feeds `lanes` from the events and `announcers` from the ledger.

    `instance` names this worker for static membership: one that comes back within the session
    timeout finds its partitions as it left them. Faust wants a `data_dir`, to keep nothing in.
    Must be called with a running event loop.
    """
    app = faust.App(
        workers_group(topics),
        broker=[f"kafka://{server}" for server in connection.bootstrap.split(",")],
        broker_credentials=_credentials(connection),
        datadir=str(data_dir / "faust"),
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        # What counts is acknowledged before it is kept: a rebalance has nothing to wait for.
        stream_wait_empty=False,
        consumer_group_instance_id=instance,
        consumer_auto_offset_reset="earliest",
        # Nothing is acknowledged through Faust, so there is nothing to be committed by it.
        broker_commit_interval=COMMIT_EVERY_S,
        # The group's consumer fetches nothing, and would take itself for dead after a while.
        broker_max_poll_interval=NEVER_S,
        broker_session_timeout=SESSION_TIMEOUT_S,
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_request_timeout=REQUEST_TIMEOUT_S,
        # There is no table to stand by for, but without this Faust takes aiokafka's round robin
        # instead of its own assignor: two out of three partitions would move at every change.
        table_standby_replicas=1,
        PartitionAssignor=Assignor,
    )
    app.transport = Transport(app.conf.broker_consumer, app, connection=connection)
    schema = ChunkSchema()
    events = app.topic(topics.events, schema=schema, acks=False)
    ledger = app.topic(topics.ledger, schema=schema, acks=False)
    assembly = Assembly(app)

    def event_arrived(chunk: Chunk) -> None:
        assembly.consumer.arrived(topics.events, chunk)

    def record_arrived(chunk: Chunk) -> None:
        assembly.consumer.arrived(topics.ledger, chunk)

    app.agent(events, name="judge")(judge_agent(lanes, event_arrived))
    app.agent(ledger, name="announce")(announce_agent(announcers, record_arrived))

    # Faust's signals are typed for its own callers: any callable with (sender, value) will do.
    async def assigned(_app: Any, held: set[TP], **_: Any) -> None:
        lanes.start(sorted(tp.partition for tp in held if tp.topic == topics.events))
        announcers.start(sorted(tp.partition for tp in held if tp.topic == topics.ledger))

    async def revoked(_app: Any, gone: set[TP], **_: Any) -> None:
        await lanes.stop([tp.partition for tp in gone if tp.topic == topics.events])
        await announcers.stop([tp.partition for tp in gone if tp.topic == topics.ledger])

    listeners: dict[Any, Any] = {
        app.on_partitions_assigned: assigned,
        app.on_partitions_revoked: revoked,
    }
    for signal, listener in listeners.items():
        signal.connect(listener, weak=False)
    return assembly


def _credentials(connection: Connection) -> CredentialsT | None:
    if connection.protocol == "PLAINTEXT":
        return None
    context = connection.ssl_context()
    if connection.protocol == "SSL":
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=connection.user,
        password=connection.password,
        mechanism=connection.mechanism,
        ssl_context=context,
    )
