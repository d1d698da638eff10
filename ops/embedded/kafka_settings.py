"""What the embedded Kafka is told: its settings, as text. What is in them the caller has chosen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ops.embedded.kafka_users import BROKER, PARTS, Passwords

NODE: Final = 1
HOST: Final = "127.0.0.1"
# Of the listener that everybody comes to.
LOOPBACK: Final = "LOOPBACK"
MECHANISM: Final = "SCRAM-SHA-256"

SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={node}@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners={listeners}
advertised.listeners={advertised}
listener.security.protocol.map={protocols}
inter.broker.listener.name=LOOPBACK
log.dirs={logs}
{security}

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

# The broker shows its controller a password in plain words: both are this process. From others it
# takes none that somebody could read who listens on its port while it is down.
SECURITY = """\
sasl.mechanism.controller.protocol=PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required \
username="{broker}" password="{password}" user_{broker}="{password}";
sasl.mechanism.inter.broker.protocol={mechanism}
sasl.enabled.mechanisms={mechanism}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{parts};User:{broker}
"""
LISTENER_SECURITY = """\
listener.name.{listener}.scram-sha-256.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required \
username="{parts}" password="{password}";
"""


def server_properties(
    logs: Path, port: int, controller_port: int, behind: Mapping[int, int], known: Passwords | None
) -> str:
    """Write the broker's settings: one listener for everybody, and one behind each front.

    logs: where it keeps its data. behind: the port behind each front. known: the passwords to be
    shown; None lets everybody in.
    """
    # Listener -> the port it has, and the port that its clients are told.
    ports = {LOOPBACK: (port, port)}
    ports |= {f"FRONT{front}": (at, front) for front, at in behind.items()}
    listeners = [f"{name}://{HOST}:{at}" for name, (at, _) in ports.items()]
    advertised = [f"{name}://{HOST}:{told}" for name, (_, told) in ports.items()]
    protocol = "PLAINTEXT" if known is None else "SASL_PLAINTEXT"
    return SERVER_PROPERTIES.format(
        node=NODE,
        controller_port=controller_port,
        listeners=",".join([*listeners, f"CONTROLLER://{HOST}:{controller_port}"]),
        advertised=",".join(advertised),
        protocols=",".join(f"{name}:{protocol}" for name in [*ports, "CONTROLLER"]),
        # The way a properties file wants it.
        logs=str(logs).replace("\\", "\\\\"),
        security="" if known is None else _security(known, list(ports)),
    )


def _security(known: Passwords, listeners: list[str]) -> str:
    words = [
        SECURITY.format(broker=BROKER, parts=PARTS, password=known.broker, mechanism=MECHANISM)
    ]
    words += [
        LISTENER_SECURITY.format(listener=name.lower(), parts=PARTS, password=known.parts)
        for name in listeners
    ]
    return "".join(words)
