"""How long a consumer's fetches wait for what comes. The one place that reaches into its fetcher.

What comes ends a fetch at once, so a long one makes no follower late, and an idle follower costs
next to nothing. But a broker answers the requests of a connection one after the other: whatever is
asked for over it while a fetch waits, waits with it. So fetches have a connection of their own.
What is left are partitions that a fetch does not cover, as what was fetched of them before had not
been taken yet or their leader was not known yet, and seeks.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.protocol.fetch import FetchRequest

WAIT_MS: Final = 5000
# How long a fetch waits that does not cover all partitions: what is left of the others may be taken
# meanwhile, or their leaders be found, and then they wait for its end.
PARTIAL_WAIT_MS: Final = 20
# How often a fetcher looks, unasked, whether there is something to do. Whatever gives it something
# (an answer, a seek, what is taken, an assignment) wakes it: this is a net below. By default it
# looks five times a second, which for all consumers is a tenth of what an idle system takes. One
# waking comes too early, and is made up for in `let_rest`.
LOOKS_EVERY_S: Final = 30.0
# The connection that fetches have to themselves: a consumer outside a group coordinates nothing.
FETCHES: Final = ConnectionGroup.COORDINATION
# What the driver says of a leader that it does not know.
UNKNOWN: Final = (None, -1)

# What a fetcher does next: fetches, resets of positions, for how many seconds it then sleeps unless
# something wakes it, whether a leader is unknown, and what tells that a partition goes on.
_Plan = tuple[object, object, float, bool, object]


def let_rest(consumer: AIOKafkaConsumer) -> None:
    """Keep a started consumer from looking several times a second whether it has to fetch."""
    fetcher: Any = consumer._fetcher  # noqa: SLF001  no option says it
    fetcher._fetcher_timeout = LOOKS_EVERY_S  # noqa: SLF001  as said
    plan: Callable[[Assignment], _Plan]
    plan = fetcher._get_actions_per_node  # noqa: SLF001  what makes the requests

    def plan_soon_again(assignment: Assignment) -> _Plan:
        # The node of a request that is over counts as busy for one more turn of the loop. If
        # something else wakes the fetcher in between, it asks that node for nothing, and nothing
        # would wake it again.
        is_early = len(fetcher._in_flight) > len(fetcher._pending_tasks)  # noqa: SLF001  as said
        fetches, resets, look_s, is_unknown, resumed = plan(assignment)
        return fetches, resets, 0.0 if is_early else look_s, is_unknown, resumed

    fetcher._get_actions_per_node = plan_soon_again  # noqa: SLF001  as said


def fetch_patiently(consumer: AIOKafkaConsumer) -> None:
    """Have the fetches of a started consumer wait long, but for those that leave partitions out."""
    # No option is for more than one length.
    fetcher: Any = consumer._fetcher  # noqa: SLF001  as said
    fetcher._client = _OwnConnection(fetcher._client)  # noqa: SLF001  as said
    plan: Callable[[Assignment], _Plan]
    plan = fetcher._get_actions_per_node  # noqa: SLF001  what makes the requests
    leader_of = fetcher._client.cluster.leader_for_partition  # noqa: SLF001  as said

    def plan_patiently(assignment: Assignment) -> _Plan:
        is_partial = bool(fetcher._records) or any(  # noqa: SLF001  what was fetched and not taken
            leader_of(tp) in UNKNOWN for tp in assignment.tps
        )
        wait_ms = PARTIAL_WAIT_MS if is_partial else WAIT_MS
        fetcher._fetch_max_wait_ms = wait_ms  # noqa: SLF001  as said
        return plan(assignment)

    fetcher._get_actions_per_node = plan_patiently  # noqa: SLF001  as said


class _OwnConnection:
    """A consumer's client, as its fetcher sees it: fetches go over a connection of their own."""

    def __init__(self, client: AIOKafkaClient) -> None:
        """Take the client that all else is asked of."""
        self._client = client

    def __getattr__(self, name: str) -> object:
        """Return what the client has of this name."""
        return getattr(self._client, name)

    async def send(self, node_id: int, request: object) -> object:
        """Return the broker's answer. Raises KafkaError."""
        group = FETCHES if isinstance(request, FetchRequest) else ConnectionGroup.DEFAULT
        return await self._client.send(node_id, request, group=group)


def fetch_from(consumer: AIOKafkaConsumer, positions: Mapping[TopicPartition, int]) -> None:
    """Fetch these partitions from these offsets and no others, at once.

    Whatever else was fetched and not taken is lost. For a consumer without a group.
    """
    # Nothing public ends a fetch that waits on its connection.
    fetcher: Any = consumer._fetcher  # noqa: SLF001  as said
    if fetcher._in_flight:  # noqa: SLF001  as said
        # The assignment below abandons it, and the next one goes over a connection of its own.
        connections = consumer._client._conns  # noqa: SLF001  as said
        paths = [path for path in connections if path[1] == FETCHES]
        abandoned = [connections.pop(path) for path in paths]
        fetches = asyncio.gather(*fetcher._pending_tasks, return_exceptions=True)  # noqa: SLF001  as said
        fetches.add_done_callback(lambda _: _close(abandoned))
    consumer.assign(list(positions))
    for tp, offset in positions.items():
        consumer.seek(tp, offset)


def _close(connections: Iterable[Any]) -> None:
    for connection in connections:
        connection.close()


def positions_of(consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    """Return where fetching stands in the partitions that are assigned, without waiting for it."""
    subscription = consumer._subscription.subscription  # noqa: SLF001  `position` waits
    assignment = subscription.assignment if subscription else None
    if assignment is None:
        return {}
    states = {tp: assignment.state_value(tp) for tp in assignment.tps}
    return {tp: state.position for tp, state in states.items() if state.has_valid_position}
