"""Who may read and write which topic: what the parts, producers and downstream readers each need.

An operator makes ACLs of it (`xp topics --acls`), the embedded Kafka those of its clients, and
`docs/security.md` shows it. Who connects as whom is not known here.
"""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from schemas.topics import Topics

Role = Literal["producer", "reader", "worker", "gateway", "projector", "notifier", "operator"]
Operation = Literal["read", "write", "create", "describe", "describe-configs"]
Resource = Literal["topic", "group"]

ROLES: Final[tuple[Role, ...]] = (
    "producer",
    "reader",
    "worker",
    "gateway",
    "projector",
    "notifier",
    "operator",
)
# Those that stand outside: whoever has their credentials can lie, and must be able to do no more.
OUTSIDE: Final[tuple[Role, ...]] = ("producer", "reader")


class TopicAccess(NamedTuple):
    """Who writes a topic, and who reads it. Whoever does either may ask how far it reaches."""

    topic: str
    writers: tuple[Role, ...]
    readers: tuple[Role, ...]


class Rule(NamedTuple):
    """One thing that a role may do, or, not `allowed`, may not although another rule says so."""

    role: Role
    resource: Resource
    # * is every one of them.
    name: str
    operation: Operation
    allowed: bool = True


def access(topics: Topics) -> tuple[TopicAccess, ...]:
    """Return who writes and reads each topic there is."""
    return (
        # The gateway looks whether what waits there is an event at all (`gateway.log.standing`).
        TopicAccess(
            topics.events,
            ("producer", "worker", "gateway", "operator"),
            ("worker", "gateway"),
        ),
        TopicAccess(
            topics.ledger,
            ("worker",),
            ("reader", "worker", "gateway", "projector", "notifier", "operator"),
        ),
        TopicAccess(
            topics.definitions,
            ("gateway", "operator"),
            ("worker", "gateway", "projector", "notifier", "operator"),
        ),
        TopicAccess(topics.profiles, ("worker",), ("projector",)),
        TopicAccess(topics.dead_letters, ("worker",), ("reader", "operator")),
        *(TopicAccess(name, ("worker",), ("reader",)) for name in topics.notices),
    )


def workers_group(topics: Topics) -> str:
    """Return the consumer group of the workers, which nobody else may join."""
    return f"{topics.prefix}worker"


def rules(topics: Topics) -> Iterator[Rule]:
    """Yield all that each role may do; whatever is not said may nobody do."""
    for topic, writers, readers in access(topics):
        for role in writers:
            yield Rule(role, "topic", topic, "write")
        for role in readers:
            yield Rule(role, "topic", topic, "read")
        # The worker checks settings whose loss would lose data; the operator makes topics of them.
        yield Rule("worker", "topic", topic, "describe-configs")
        yield Rule("operator", "topic", topic, "describe-configs")
        yield Rule("operator", "topic", topic, "create")
        if not {"worker"} & {*writers, *readers}:
            yield Rule("worker", "topic", topic, "describe")
        if not {"operator"} & {*writers, *readers}:
            yield Rule("operator", "topic", topic, "describe")
    yield Rule("worker", "group", workers_group(topics), "read")
    # A reader's groups have names of its own; that of the workers would stop them all.
    yield Rule("reader", "group", "*", "read")
    yield Rule("reader", "group", workers_group(topics), "read", allowed=False)
