"""What every provider of a Kafka and a Postgres must do, and what embedded ones promise besides.

Goal: whoever starts the stack may pull any plug, a kill -9 of the supervisor included, start again
on the same directory, find what was acknowledged, and find no process left behind.
"""

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest
import stack as providers
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from broker.connection import Connection
from ops.embedded.jars import Jar, fetch_jars, read_lock
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.ports import StackError, port_is_free
from ops.embedded.postgres import EmbeddedPostgres
from ops.embedded.process import Child

ROOT = Path(__file__).resolve().parents[2]
SESSIONS_GROUPED = Path("/proc/sys/kernel/sched_autogroup_enabled")
GONE_WITHIN_S = 60.0
PATIENCE_S = 120.0

SUPERVISOR = """
import sys, time
from pathlib import Path
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.postgres import EmbeddedPostgres
home, *jars = map(Path, sys.argv[1:])
postgres, kafka = EmbeddedPostgres(home).start(), EmbeddedKafka(home, jars).start()
print(postgres.pid, kafka.pid, flush=True)
time.sleep(600)
"""


async def write(connection, topic, value):
    admin = AIOKafkaAdminClient(**connection.options())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(**connection.options(), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def read(connection, topic):
    consumer = AIOKafkaConsumer(**connection.options(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        return (await asyncio.wait_for(consumer.getone(), timeout=PATIENCE_S)).value
    finally:
        await consumer.stop()


def insert(dsn, value):
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def rows(dsn):
    with psycopg.connect(dsn) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM kept ORDER BY value")]


@contextmanager
def started_supervisor(home, jars):
    """Run the stack under a process of its own; give that process and the pids of its children."""
    command = [sys.executable, "-c", SUPERVISOR, str(home), *map(str, jars)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, [int(word) for word in process.stdout.readline().split()]
        finally:
            process.kill()


def eventually(condition, seconds=GONE_WITHIN_S):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def processes_of(home):
    """Find whatever still runs on a directory: by its command line, or by standing in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = " ".join(process.cmdline())
            other = process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE
            if other and (str(home) in words or process.cwd().startswith(str(home))):
                found.append((process.pid, words))
    return found


@pytest.fixture(scope="module")
def jars():
    return providers.jars()


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "data"
    assert not processes_of(tmp_path)


@pytest.fixture
def kafka(home, jars):
    with EmbeddedKafka(home, jars) as kafka:
        yield kafka


@pytest.fixture
def postgres(home):
    with EmbeddedPostgres(home) as postgres:
        yield postgres


@pytest.mark.parametrize("provider", providers.kafka_providers())
async def test_a_record_written_with_acks_all_is_read_back(provider, stack, tmp_path):
    topic, value = f"stack-{secrets.token_hex(4)}", secrets.token_bytes(16)
    if provider == next(iter(providers.kafka_providers())):  # runs already, for all tests
        await write(Connection(stack.kafka), topic, value)
        assert await read(Connection(stack.kafka), topic) == value
        return
    with providers.kafka_providers()[provider](tmp_path) as bootstrap_servers:
        await write(Connection(bootstrap_servers), topic, value)
        assert await read(Connection(bootstrap_servers), topic) == value


@pytest.mark.parametrize("provider", providers.postgres_providers())
def test_a_row_written_is_read_back(provider, tmp_path):
    with providers.postgres_providers()[provider](tmp_path) as dsn:
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE TEMPORARY TABLE kept (value text)")
            connection.execute("INSERT INTO kept VALUES ('kept')")
            assert connection.execute("SELECT value FROM kept").fetchone() == ("kept",)
        name = f"xp_test_{secrets.token_hex(4)}"
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
            connection.execute(f"DROP DATABASE {name}")


def test_a_database_of_a_test_starts_empty_and_is_writable(database):
    insert(database, "mine")
    assert rows(database) == ["mine"]


async def test_kafka_keeps_its_records_and_address_through_a_stop_and_a_kill(kafka):
    await write(kafka.connection, "kept", b"before")
    before = kafka.connection

    kafka.stop()
    assert not kafka.alive
    kafka.start()
    assert kafka.connection == before
    assert await read(before, "kept") == b"before"

    await write(before, "kept-too", b"just now")
    os.kill(kafka.pid, signal.SIGKILL)
    assert eventually(lambda: not kafka.alive)
    kafka.start()
    assert kafka.connection == before
    assert await read(before, "kept-too") == b"just now"


def test_postgres_keeps_its_rows_and_address_through_a_stop_and_a_kill(postgres):
    before = postgres.dsn
    insert(before, "before")

    postgres.stop()
    assert not postgres.alive
    postgres.start()
    assert postgres.dsn == before

    with psycopg.connect(before):  # a session that the kill cuts off
        insert(before, "just now")
        os.kill(postgres.pid, signal.SIGKILL)
        assert eventually(lambda: not postgres.alive)
    postgres.start()
    assert rows(postgres.dsn) == ["before", "just now"]


async def test_after_a_kill_of_the_supervisor_its_orphans_are_ended_and_nothing_is_lost(home, jars):
    with started_supervisor(home, jars) as (supervisor, pids):
        # Asleep, they cannot hear the signal that the kernel sends at the supervisor's death.
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        supervisor.kill()
    assert all(psutil.pid_exists(pid) for pid in pids)

    with EmbeddedPostgres(home) as postgres, EmbeddedKafka(home, jars) as kafka:
        assert not any(pid in (postgres.pid, kafka.pid) for pid in pids)
        insert(postgres.dsn, "after")
        assert rows(postgres.dsn) == ["after"]
        await write(kafka.connection, "after", b"after")
    assert not processes_of(home)


def test_kafka_and_postgres_die_with_a_supervisor_that_is_killed(home, jars):
    with started_supervisor(home, jars) as (supervisor, _pids):
        supervisor.kill()
    assert eventually(lambda: not processes_of(home)), processes_of(home)


def test_a_child_gives_way_to_others_as_far_as_it_is_told(home):
    child = Child("sleeper", home, marks=("sleep",), stop_signal=signal.SIGTERM, niceness=7).claim()
    child.start(["/bin/sleep", "60"])
    try:
        assert eventually(lambda: psutil.Process(child.pid).cmdline()[:1] == ["/bin/sleep"])
        assert psutil.Process(child.pid).nice() == min(psutil.Process().nice() + 7, 19)
        group = Path(f"/proc/{child.pid}/autogroup")
        # Where sessions are groups to the kernel, the niceness of one counts within its own only.
        if group.exists() and SESSIONS_GROUPED.read_text().strip() == "1":
            assert group.read_text().split()[1:] == ["nice", "7"]
    finally:
        child.stop(10)


def test_a_second_supervisor_is_refused_and_disturbs_nothing(postgres):
    with pytest.raises(StackError, match=f"in use by process {os.getpid()}"):
        EmbeddedPostgres(postgres.home.parent).start()
    insert(postgres.dsn, "undisturbed")


def test_a_recycled_pid_is_left_alone(home):
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "postgres.pid").write_text(f"{os.getpid()}\n")
    with EmbeddedPostgres(home) as postgres:
        assert postgres.alive


def test_a_first_start_that_was_cut_short_is_begun_again(home):
    (home / "postgres" / "data.new" / "half").mkdir(parents=True)
    with EmbeddedPostgres(home) as postgres:
        insert(postgres.dsn, "whole")


def test_the_password_is_for_its_owner_only(postgres):
    assert (postgres.home / "password").stat().st_mode & 0o077 == 0
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.dsn, password="guessed")


def test_a_taken_port_is_refused_by_name(home, jars):
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        assert not port_is_free(port)
        for part in (EmbeddedPostgres(home, port), EmbeddedKafka(home, jars, port)):
            with pytest.raises(StackError, match=f"port {port} is taken"):
                part.start()
            assert not part.alive


def test_a_kafka_that_cannot_start_says_why(home, jars):
    (home / "kafka" / "logs").mkdir(parents=True)
    (home / "kafka" / "formatted").write_text("yes\n")
    stored = home / "kafka" / "logs" / "meta.properties"
    stored.write_text("version=1\ncluster.id=another\nnode.id=7\n")
    with pytest.raises(StackError, match=r"kafka ended with exit code 1 while starting(.|\n)*node"):
        EmbeddedKafka(home, jars).start()


def test_a_jar_that_is_not_the_pinned_one_is_refused_by_name(tmp_path, monkeypatch):
    jar = Jar("org.example:broken:1.0", "0" * 64, 5)

    def download(_jar, work, _advance):
        path = work / "broken.jar"
        path.write_bytes(b"other")
        return path

    monkeypatch.setattr("ops.embedded.jars._download", download)
    with pytest.raises(StackError, match=r"org\.example:broken:1\.0.*pins 0000"):
        fetch_jars(tmp_path, [jar])
    assert not list(tmp_path.rglob("*.jar"))


def test_a_cached_jar_that_was_damaged_is_fetched_again(tmp_path, jars, monkeypatch):
    smallest = min(read_lock(), key=lambda jar: jar.size)
    (cached,) = (path for path in jars if path.name == smallest.file_name)
    fetched = []

    def download(jar, work, _advance):
        fetched.append(jar)
        path = work / jar.file_name
        path.write_bytes(cached.read_bytes())
        return path

    monkeypatch.setattr("ops.embedded.jars._download", download)
    (path,) = fetch_jars(tmp_path, [smallest])
    path.write_bytes(b"x" * smallest.size)
    assert fetch_jars(tmp_path, [smallest]) == (path,)
    assert fetch_jars(tmp_path, [smallest]) == (path,)
    assert len(fetched) == 2
    assert path.read_bytes() == cached.read_bytes()
