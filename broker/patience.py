"""How long a consumer's fetches wait for what comes. The one place that reaches into its fetcher.

What comes ends a fetch at once, so a long one makes no follower late, and an idle follower costs
next to nothing. But a broker answers the requests of a connection one after the other: whatever is
asked for while a fetch waits, waits with it. That concerns partitions that the fetch does not
cover, as what was fetched of them before had not been taken yet, and seeks.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

WAIT_MS: Final = 5000
# How long a fetch waits that does not cover all partitions: what is left of the others may be taken
# meanwhile, and then they wait for its end.
PARTIAL_WAIT_MS: Final = 20
# How often a fetcher looks, unasked, whether there is something to do. Whatever gives it something
# (an answer, a seek, what is taken, an assignment) wakes it: this is a net below. By default it
# looks five times a second, which for all consumers is a tenth of what an idle system takes.
LOOKS_EVERY_S: Final = 30.0


def let_rest(consumer: AIOKafkaConsumer) -> None:
    """Keep a started consumer from looking several times a second whether it has to fetch."""
    consumer._fetcher._fetcher_timeout = LOOKS_EVERY_S  # noqa: SLF001  no option says it


def fetch_patiently(consumer: AIOKafkaConsumer) -> None:
    """Have the fetches of a started consumer wait long, but for those that leave partitions out."""
    # No option is for more than one length.
    fetcher: Any = consumer._fetcher  # noqa: SLF001  as said
    plan: Callable[[object], object]
    plan = fetcher._get_actions_per_node  # noqa: SLF001  what makes the requests

    def plan_patiently(assignment: object) -> object:
        is_partial = bool(fetcher._records)  # noqa: SLF001  what was fetched and not taken
        wait_ms = PARTIAL_WAIT_MS if is_partial else WAIT_MS
        fetcher._fetch_max_wait_ms = wait_ms  # noqa: SLF001  as said
        return plan(assignment)

    fetcher._get_actions_per_node = plan_patiently  # noqa: SLF001  as said


def fetch_from(consumer: AIOKafkaConsumer, positions: Mapping[TopicPartition, int]) -> None:
    """Fetch these partitions from these offsets and no others, at once.

    Whatever else was fetched and not taken is lost. For a consumer without a group.
    """
    # Nothing public ends a fetch that waits on its connection.
    fetcher: Any = consumer._fetcher  # noqa: SLF001  as said
    if fetcher._in_flight:  # noqa: SLF001  as said
        # The assignment below abandons it, and the next one goes over a connection of its own.
        connections = consumer._client._conns  # noqa: SLF001  as said
        abandoned = list(connections.values())
        connections.clear()
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
