"""Where tests get their Kafka and their Postgres from.

Each comes from the first provider that can give one, in this order: what XP_TEST_KAFKA and
XP_TEST_POSTGRES name, a container where a Docker engine answers, the embedded stack. Kafka and
Postgres are looked for apart, so that naming one leaves the other to its own.
"""

import fcntl
import gc
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from ops.embedded.jars import fetch_jars
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.ports import choose_port
from ops.embedded.postgres import EmbeddedPostgres

KAFKA_IMAGE = "apache/kafka:4.3.1"
POSTGRES_IMAGE = "postgres:18.4"
DOCKER_TIMEOUT_S = 3

Provider = Callable[[Path], AbstractContextManager[str]]


@dataclass(frozen=True)
class Stack:
    """A Kafka and a Postgres to test on."""

    kafka: str
    """Bootstrap servers, as a client wants them."""
    postgres: str
    """DSN of a database whose user may create others."""


def jars() -> tuple[Path, ...]:
    """Fetch the embedded Kafka's jars into the cache that `xp` uses too."""
    named = os.environ.get("XP_CACHE_DIR")
    return fetch_jars(Path(named) if named else user_cache_path("xpledger"))


def kafka_providers() -> dict[str, Provider]:
    """Return the providers of a Kafka that exist here, best first, by name."""
    return _existing("XP_TEST_KAFKA", _container_kafka, _embedded_kafka)


def postgres_providers() -> dict[str, Provider]:
    """Return the providers of a Postgres that exist here, best first, by name."""
    return _existing("XP_TEST_POSTGRES", _container_postgres, _embedded_postgres)


@contextmanager
def running_stack(home: Path) -> Iterator[Stack]:
    """Run the best providers while the body does; home: for the data of embedded ones."""
    kafka, postgres = (
        next(iter(providers.values())) for providers in (kafka_providers(), postgres_providers())
    )
    with postgres(home) as dsn, kafka(home) as bootstrap_servers:
        yield Stack(bootstrap_servers, dsn)


@contextmanager
def shared_stack(home: Path) -> Iterator[Stack]:
    """Run the best providers, or use what another process has started below the same `home`.

    Whoever started them lets them run until nobody uses them.
    """
    home.mkdir(parents=True, exist_ok=True)
    known = home / "stack.json"
    with (home / "turn").open("w") as turn, (home / "users").open("w") as users:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if known.exists():
            fcntl.flock(users, fcntl.LOCK_SH)
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield Stack(**json.loads(known.read_text(encoding="utf-8")))
            return
        with running_stack(home / str(os.getpid())) as running:
            known.write_text(json.dumps(asdict(running)), encoding="utf-8")
            fcntl.flock(turn, fcntl.LOCK_UN)
            try:
                yield running
            finally:
                # Whoever comes from now on starts another; those who use this one are waited for.
                fcntl.flock(turn, fcntl.LOCK_EX)
                known.unlink()
                fcntl.flock(turn, fcntl.LOCK_UN)
                fcntl.flock(users, fcntl.LOCK_EX)


def _existing(variable: str, container: Provider, embedded: Provider) -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    if address := os.environ.get(variable):
        providers["environment"] = lambda _home: _named(address)
    if docker_answers():
        providers["container"] = container
    providers["embedded"] = embedded
    return providers


@cache
def docker_answers() -> bool:
    """Whether a Docker engine is there and talks to us."""
    # Not at the top: a run on a named stack need not load Docker's client.
    import docker  # noqa: PLC0415
    from docker.errors import DockerException  # noqa: PLC0415

    with warnings.catch_warnings():
        # A failed attempt leaves its socket to the collector, which must find it in here.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            client = docker.from_env(timeout=DOCKER_TIMEOUT_S)
            answers = bool(client.ping())
            client.close()
        except (DockerException, OSError):
            answers = False
        gc.collect()
    return answers


@contextmanager
def _named(address: str) -> Iterator[str]:
    yield address


@contextmanager
def _embedded_kafka(home: Path) -> Iterator[str]:
    with EmbeddedKafka(home, jars(), open_to_all=True) as kafka:
        yield kafka.bootstrap_servers


@contextmanager
def _embedded_postgres(home: Path) -> Iterator[str]:
    with EmbeddedPostgres(home) as postgres:
        yield postgres.administrator_dsn


@contextmanager
def _container_kafka(home: Path) -> Iterator[str]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415
    from testcontainers.core.waiting_utils import wait_for_logs  # noqa: PLC0415

    # The broker tells clients where it is, so the outer port must be known before it starts.
    home.mkdir(parents=True, exist_ok=True)
    port = choose_port("kafka", home / "container-kafka.port", None)
    settings = {
        "NODE_ID": "1",
        "PROCESS_ROLES": "broker,controller",
        "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "AUTO_CREATE_TOPICS_ENABLE": "false",
        "DEFAULT_REPLICATION_FACTOR": "1",
        "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    for name, value in settings.items():
        container = container.with_env(f"KAFKA_{name}", value)
    with _quiet(), container:
        wait_for_logs(container, "Kafka Server started", timeout=60)
        yield f"127.0.0.1:{port}"


@contextmanager
def _container_postgres(_home: Path) -> Iterator[str]:
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415

    with _quiet(), PostgresContainer(POSTGRES_IMAGE, driver=None) as container:
        yield container.get_connection_url()


@contextmanager
def _quiet() -> Iterator[None]:
    """Let the container library's own deprecation warnings pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
