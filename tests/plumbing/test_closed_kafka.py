"""The embedded Kafka lets in whom it knows, and each no further than it has to.

Passwords are in files of the user who runs it, and nowhere else.
"""

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import stack as providers
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from broker.access import OUTSIDE, Rule, access, rules, workers_group
from broker.connection import Connection
from broker.topics import administrator, create_topics
from ops.client_config import client_config
from ops.embedded import kafka_users
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.kafka_wire import Wire, WireError
from ops.running import Login, Running, leave_running
from ops.settings_in_force import read_settings
from schemas.topics import Topics

TOPICS = Topics()
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("closed") / "data"


def kafka_of(home, **options):
    grants = [rule for rule in rules(TOPICS) if rule.role in OUTSIDE]
    return EmbeddedKafka(home, providers.jars(), grants=grants, **options)


@pytest.fixture(scope="module")
def kafka(home):
    with kafka_of(home) as kafka:
        yield kafka


@pytest.fixture
async def topics(kafka):
    await create_topics(kafka.connection, TOPICS, 1)
    return TOPICS


async def write(connection, topic, value=b"{}"):
    producer = AIOKafkaProducer(**connection.options(), acks="all")
    try:
        await producer.start()
        return await asyncio.wait_for(producer.send_and_wait(topic, value, partition=0), PATIENCE_S)
    finally:
        # One that could not be started leaves connections behind, too.
        await producer.stop()


async def visible(connection):
    """Return the topics of ours that a user knows to be there; others it can do nothing with."""
    async with administrator(connection) as admin:
        described = await admin.describe_topics([it.name for it in TOPICS.plan(1)])
    return {it["topic"] for it in described if not it["error_code"]}


async def read(connection, topic, group=None):
    consumer = AIOKafkaConsumer(
        **connection.options(), group_id=group, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        if group is None:
            consumer.assign([TopicPartition(topic, 0)])
        else:
            consumer.subscribe([topic])
        return (await asyncio.wait_for(consumer.getone(), PATIENCE_S)).value
    finally:
        await consumer.stop()


async def test_who_shows_no_password_is_not_let_in(kafka):
    with pytest.raises(KafkaError):
        await write(Connection(kafka.bootstrap_servers), TOPICS.events)


@pytest.mark.parametrize("user", ["xp-parts", "xp-clients", "xp-broker", "somebody"])
async def test_who_shows_another_password_is_not_let_in(kafka, user):
    with Wire(int(kafka.bootstrap_servers.rpartition(":")[2])) as wire, pytest.raises(WireError):
        wire.log_in(user, "guessed")
    connection = Connection(
        kafka.bootstrap_servers, "SASL_PLAINTEXT", "SCRAM-SHA-256", user=user, password="guessed"
    )
    with pytest.raises(KafkaError):
        await write(connection, TOPICS.events)


def test_a_password_is_not_shown_to_who_listens_on_the_port(kafka):
    # In plain words it would be taken by whoever has the port while the broker is down.
    with Wire(int(kafka.bootstrap_servers.rpartition(":")[2])) as wire, pytest.raises(WireError):
        wire.log_in_plainly("xp-parts", kafka.connection.password)


def test_the_controller_lets_nobody_in_but_the_broker(kafka):
    port = int((kafka.home / "controller-port").read_text())
    for user in ("xp-parts", "xp-broker"):
        with Wire(port) as wire, pytest.raises(WireError):
            wire.log_in_plainly(user, kafka.connection.password)


async def test_clients_write_what_the_table_says_and_nothing_else(kafka, topics):
    written = set()
    for topic in await visible(kafka.clients_connection):
        with suppress(TopicAuthorizationFailedError):
            await write(kafka.clients_connection, topic)
            written.add(topic)
    assert written == {it.topic for it in access(topics) if set(it.writers) & set(OUTSIDE)}


async def test_clients_read_what_the_table_says_and_nothing_else(kafka, topics):
    got = set()
    for topic in await visible(kafka.clients_connection):
        await write(kafka.connection, topic, b'{"a":1}')
        with suppress(TopicAuthorizationFailedError):
            await read(kafka.clients_connection, topic, "a-service")
            got.add(topic)
    assert got == {it.topic for it in access(topics) if set(it.readers) & set(OUTSIDE)}


async def test_clients_cannot_join_the_group_of_the_workers(kafka, topics):
    await write(kafka.connection, topics.ledger)
    with pytest.raises(GroupAuthorizationFailedError):
        await read(kafka.clients_connection, topics.ledger, workers_group(topics))


async def test_clients_cannot_make_topics(kafka):
    admin = AIOKafkaAdminClient(**kafka.clients_connection.options())
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic("theirs", 1, 1)])
        assert [code for _, code, *_ in answer.topic_errors] == [29]
    finally:
        await admin.close()


def test_passwords_stand_in_files_for_the_owner_only_and_on_no_command_line(kafka):
    known = kafka.connection.password, kafka.clients_connection.password
    assert len({*known}) == 2
    holding = {
        path.name
        for path in kafka.home.iterdir()
        if path.is_file() and known[0] in path.read_text()
    }
    assert holding == {"passwords", "server.properties"}
    assert all((kafka.home / name).stat().st_mode & 0o777 == 0o600 for name in holding)
    words = " ".join(psutil.Process(kafka.pid).cmdline())
    assert not any(password in words for password in known)


def test_what_kafka_keeps_is_for_its_user_alone(kafka):
    assert kafka.home.stat().st_mode & 0o777 == 0o700
    kept = [Path(it) / name for it, _, names in os.walk(kafka.home / "logs") for name in names]
    assert kept
    assert not [path for path in kept if path.stat().st_mode & 0o077]


async def test_a_directory_of_an_open_broker_is_closed_and_keeps_its_records(tmp_path):
    with kafka_of(tmp_path, open_to_all=True) as kafka:
        await create_topics(kafka.connection, TOPICS, 1)
        await write(kafka.connection, TOPICS.ledger, b"before")
    kafka.home.chmod(0o755)
    with kafka_of(tmp_path) as kafka:
        assert kafka.home.stat().st_mode & 0o777 == 0o700
        assert await read(kafka.connection, TOPICS.ledger) == b"before"
        clients = kafka.clients_connection
        await write(clients, TOPICS.events)
        # What another start does, with less granted: the passwords stay, what was granted does not.
        assert kafka_users.passwords(kafka.home / "passwords") == kafka._passwords
        kafka._grants = (Rule("reader", "topic", TOPICS.ledger, "read"),)
        assert kafka._admits(int((kafka.home / "controller-port").read_text()))
        async with asyncio.timeout(PATIENCE_S):
            while await visible(clients) != {TOPICS.ledger}:
                await asyncio.sleep(0.1)
        assert await read(clients, TOPICS.ledger) == b"before"


async def test_what_client_config_prints_is_enough_for_a_client(kafka, topics, tmp_path):
    clients, parts = kafka.clients_connection, kafka.connection
    logins = [
        Login(user=it.user, password=it.password, mechanism=it.mechanism) for it in (parts, clients)
    ]
    running = Running(kafka=kafka.bootstrap_servers, kafka_parts=logins[0], kafka_clients=logins[1])
    leave_running(tmp_path, running)
    assert (tmp_path / "running.json").stat().st_mode & 0o777 == 0o600
    settings = read_settings(None, {"data_dir": tmp_path})
    assert settings.connection() == parts
    options = json.loads(client_config(settings, "aiokafka"))
    async with AIOKafkaProducer(**options, acks="all") as producer:
        await producer.send_and_wait(topics.events, b"{}")
    for form in ("aiokafka", "properties", "kcat"):
        said = client_config(settings, form)
        assert clients.password in said
        assert parts.password not in said
