"""The clock of one lane: that time has come is an input, and this is where it is published.

What falls due is read from the lane's store; a `due` names the instant that fell due and never the
present one, so that a late clock leads to what a punctual one would have. One that was judged
already changes nothing: whatever is in doubt is sent again. Events go first: few inputs of the
clock are under way at a time. Nothing is decided here; the present time comes in as a function.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson
import structlog
from aiokafka.errors import KafkaError

from broker.partitions import partition_of
from processor.boost_changes import BoostInput, change_of
from processor.companions import KeyedInput, LaneTools
from processor.in_flight import InFlightBudget
from processor.messages import UnusableVersionError
from processor.metrics import CLOCK_INPUTS, CLOCK_LATE, CLOCK_STUCK
from processor.partition_meta import boost_path
from processor.rows import Due
from processor.rules.ruleset import Ruleset
from schemas.instants import SECOND, Micros, micros, write_micros
from schemas.text import TenantKey, UserId
from schemas.topics import user_key

# How often it looks, when nothing is under way and when something is.
IDLE_S: Final = 0.5
BUSY_S: Final = 0.05
PAUSE_S: Final = 1.0
# What was not judged after so long is sent again, then after twice as long, and so on.
RESEND_S: Final = 30.0
RESEND_S_MAX: Final = 3600.0
# Sent so often, it is no longer waited for: something is wrong with this one alone.
TRIES: Final = 3
BOOSTS_EVERY_S: Final = 5.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Sent:
    """A due input under way."""

    at: Micros
    # The loop's time when it was sent last, and how often it was.
    when: float
    times: int = 1

    def is_overdue(self, now: float) -> bool:
        return now - self.when >= min(RESEND_S * (1 << min(self.times - 1, 10)), RESEND_S_MAX)


class Clock:
    """Publishes what falls due in one partition."""

    def __init__(
        self, tools: LaneTools, now: Callable[[], datetime], budget: InFlightBudget
    ) -> None:
        """Work with the lane's tools; `now` says the present time with its zone."""
        self._tools = tools
        self._now = now
        self._budget = budget
        self._share = budget.share(tools.context.partition, busy=False)
        self._sent: dict[tuple[TenantKey, UserId], _Sent] = {}
        # Changes of boosts under way, with the loop's time when they were sent.
        self._sent_changes: dict[BoostInput, float] = {}
        self._boosts_seen = float("-inf")
        self._late = CLOCK_LATE.labels(str(tools.context.partition))
        self._log = log.bind(partition=tools.context.partition)

    async def run(self) -> None:
        """Work until cancelled. Raises the store's errors; the broker's are waited out."""
        try:
            while True:
                await self._round()
        finally:
            # Another worker reports the partition now.
            self._late.set(0)
            self._budget.share(self._tools.context.partition, busy=False)

    async def _round(self) -> None:
        try:
            busy = await self.look()
        except KafkaError as error:
            self._log.warning("clock.broker_failed", error=repr(error))
            # What got there is sent twice: better than not at all.
            self._sent.clear()
            self._sent_changes.clear()
            await asyncio.sleep(PAUSE_S)
        else:
            await asyncio.sleep(BUSY_S if busy else IDLE_S)

    async def look(self) -> bool:
        """Publish what is due and may be; return whether anything is under way.

        Raises a KafkaError or a StoreError.
        """
        if self._tools.behind():
            return False
        now = self._now()
        await self._publish_boost_changes(now)
        if self._tools.is_held(now):
            return False
        inputs = self._due(now)
        if inputs:
            await self._tools.publish(inputs)
            CLOCK_INPUTS.labels("due").inc(len(inputs))
        return bool(self._sent)

    # -- what is of a user

    def _due(self, now: datetime) -> list[KeyedInput]:
        """Return what is to be sent now, and note it as sent."""
        stuck = sum(it.times >= TRIES for it in self._sent.values())
        until = micros(now)
        rows = self._tools.state.users.dues.until(until, self._share + stuck)
        self._share = self._budget.share(self._tools.context.partition, busy=bool(rows))
        self._late.set((until - rows[0].at) / SECOND if rows else 0)
        moment = asyncio.get_running_loop().time()
        # What has no row any more, or another, has been judged.
        under_way: dict[tuple[TenantKey, UserId], _Sent] = {}
        fresh: list[Due] = []
        inputs: list[KeyedInput] = []
        for row in rows:
            at, tenant, user = row
            sent = self._sent.get((tenant, user))
            if sent is None or sent.at != at:
                fresh.append(row)
                continue
            under_way[tenant, user] = sent
            if sent.is_overdue(moment):
                sent.times += 1
                sent.when = moment
                inputs.append(due_input(at, tenant, user))
                self._log.warning(
                    "clock.sent_again", tenant=tenant, at=write_micros(at), times=sent.times
                )
        self._sent = under_way
        stuck = sum(it.times >= TRIES for it in under_way.values())
        CLOCK_STUCK.labels(str(self._tools.context.partition)).set(stuck)
        left = self._share - (len(under_way) - stuck)
        # Some at a time, not one for each that was judged.
        if left >= self._share // 2:
            for at, tenant, user in fresh[:left]:
                under_way[tenant, user] = _Sent(at, moment)
                inputs.append(due_input(at, tenant, user))
        return inputs

    # -- boosts of everyone

    async def _publish_boost_changes(self, now: datetime) -> None:
        moment = asyncio.get_running_loop().time()
        if moment - self._boosts_seen < BOOSTS_EVERY_S:
            return
        self._boosts_seen = moment
        changes = list(self._changes(now))
        known = self._sent_changes
        self._sent_changes = {it: known[it] for it in changes if it in known}
        for change in changes:
            if moment - self._sent_changes.get(change, float("-inf")) < RESEND_S:
                continue
            await self._tools.publish([change.keyed()])
            self._sent_changes[change] = moment
            CLOCK_INPUTS.labels("boost").inc()

    def _changes(self, now: datetime) -> Iterator[BoostInput]:
        """Yield what is to be published of boosts in force, of the tenants of this partition."""
        context, state = self._tools.context, self._tools.state
        for tenant, version in state.versions.items():
            if partition_of(tenant.encode(), context.partitions) != context.partition:
                continue
            rules = self._rules(tenant, version)
            known = state.boosts.get(tenant, {})
            for system in rules.systems if rules is not None else ():
                for boost in system.boosts:
                    if boost.user is not None:
                        # A matter of that user's own time.
                        continue
                    found = change_of(boost, known.get(boost_path(system.key, boost.key)), now)
                    if found is not None:
                        yield BoostInput(tenant, system.key, boost.key, *found)

    def _rules(self, tenant: TenantKey, version: int) -> Ruleset | None:
        try:
            return self._tools.rulesets.get(tenant, version)
        except UnusableVersionError:
            return None


def due_input(at: Micros, tenant: TenantKey, user: UserId) -> KeyedInput:
    """Return key and value of the input that says that a user's time has come to an instant."""
    value = {"type": "due", "tenant": tenant, "user": user, "at": write_micros(at)}
    return user_key(tenant, user), orjson.dumps(value)
