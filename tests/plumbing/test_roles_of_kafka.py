"""What the table of access gives each role is enough for its work, on a Kafka with ACLs.

The clients of the embedded Kafka are granted the rules of one role after the other.
"""

import asyncio
import io
from contextlib import asynccontextmanager, suppress

import pytest
import stack as providers
from aiokafka.errors import KafkaError
from given import game
from rich.console import Console

from broker.access import Role, Rule, rules
from broker.definitions import DefinitionsReader
from broker.ledger import LedgerReader, Position
from broker.producer import producer
from broker.topics import check_topics, create_topics, end_offsets, partition_count
from ops.apply import apply_game
from ops.embedded import kafka_users
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.kafka_users import BROKER
from ops.embedded.kafka_wire import Wire
from ops.errors import sentence_of
from ops.publish_file import publish_file
from ops.settings_in_force import read_settings
from processor.worker import Worker, WorkerConfig
from projections.lag import _ends as ends_seen
from schemas.records import Record
from schemas.topics import Topics

TOPICS = Topics()
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    with EmbeddedKafka(tmp_path_factory.mktemp("roles"), providers.jars()) as kafka:
        yield kafka


def become(kafka, role: Role, *more: Rule):
    """Grant the clients what a role may do, and `more` alone; return how they connect."""
    port = int((kafka.home / "controller-port").read_text())
    with Wire(port) as controller:
        controller.log_in_plainly(BROKER, kafka._passwords.broker)
        own = (rule for rule in rules(TOPICS) if rule.role == role)
        kafka_users.grant(controller, [*own, *more])
    return kafka.clients_connection


async def publish(connection, value=b'{"user":"ann","metric":"lessons"}'):
    async with producer(connection) as sender:
        await asyncio.wait_for(sender.send_and_wait(TOPICS.events, value, b"ann"), PATIENCE_S)


async def publish_a_file(connection, home, said):
    """Do `xp publish` as who has no secret of the parts, until it says what is to be said."""
    file = home / "events.ndjson"
    file.write_bytes(b'{"user":"bob","metric":"lessons"}\n')
    given = {
        "kafka": connection.bootstrap,
        "kafka_protocol": connection.protocol,
        "kafka_mechanism": connection.mechanism,
        "kafka_user": connection.user,
        "kafka_password": connection.password,
        "data_dir": home,
    }
    settings, heard = read_settings(None, given), io.StringIO()
    async with asyncio.timeout(PATIENCE_S):
        while said not in heard.getvalue():
            try:
                await publish_file(settings, file, Console(file=heard))
            except KafkaError as error:
                heard.write(sentence_of(error))
            await asyncio.sleep(0.2)


async def records_of(connection, count):
    """Return the records of the ledger, once there are so many."""
    found: list[Record] = []
    async with (
        asyncio.timeout(PATIENCE_S),
        LedgerReader(connection, TOPICS.ledger, {0: Position()}) as reader,
    ):
        while len(found) < count:
            for batch in (await reader.read()).values():
                found += [record for _, record in batch.records]
    return found


@asynccontextmanager
async def working(connection, home):
    config = WorkerConfig(connection, TOPICS, home / "worker", home / "snapshots")
    running = asyncio.create_task(Worker(config).run())
    try:
        yield
        assert not running.done(), running.exception()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_each_role_does_its_work_with_what_it_is_granted(kafka, tmp_path):
    operator = become(kafka, "operator")
    # ACLs reach the broker a moment after the controller.
    async with asyncio.timeout(PATIENCE_S):
        while not (made := await made_topics(operator)):
            await asyncio.sleep(0.2)
    assert set(made) == {it.name for it in TOPICS.plan(1)}
    assert (await check_topics(operator, TOPICS)).problems == ()
    applied = await apply_game(operator, TOPICS, game(["lessons"]), tenant="default")
    assert applied.version == 1
    assert await end_offsets(operator, TOPICS.dead_letters) == {0: 0}

    await publish(become(kafka, "producer"))

    await publish_a_file(become(kafka, "producer"), tmp_path, "does not open the topic 'xp.defini")
    may_look = Rule("producer", "topic", TOPICS.definitions, "read")
    await publish_a_file(become(kafka, "producer", may_look), tmp_path, "Published 1 events")

    async with working(become(kafka, "worker"), tmp_path):
        # Seen as the parts see it: what it was granted stays while it works.
        outcomes = [it.outcome for it in await records_of(kafka.connection, 3)]
    assert outcomes == ["applied"] * 3

    gateway = become(kafka, "gateway")
    await publish(gateway)
    applied = await apply_game(gateway, TOPICS, game(["lessons", "books"]), tenant="default")
    assert applied.version == 2
    assert len(await records_of(gateway, 3)) == 3
    assert await partition_count(gateway, TOPICS.events) == 1

    for role in ("projector", "notifier"):
        connection = become(kafka, role)
        assert len(await records_of(connection, 3)) == 3
        async with DefinitionsReader(connection, TOPICS.definitions) as definitions:
            assert definitions.get("default", 2) == definitions.head("default")
        assert await partition_count(connection, TOPICS.ledger) == 1
    assert await ends_seen(become(kafka, "projector"), TOPICS.profiles) == {0: 0}
    assert await partition_count(become(kafka, "reader"), TOPICS.points_awarded) == 1


async def made_topics(connection):
    with suppress(Exception):
        return await create_topics(connection, TOPICS, 1)
    return []
