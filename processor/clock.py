"""The clock of one lane: that time has come is an input, and this is where it is published.

What falls due is read from the lane's store; a `due` names the instant that fell due and never the
present one, so that a late clock leads to what a punctual one would have. One that was judged
already changes nothing: whatever is in doubt is sent again. Events go first: few inputs of the
clock are under way at a time. Nothing is decided here; the present time comes in as a function.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

import orjson
import structlog
from aiokafka.errors import KafkaError

from processor.companions import Keyed, LaneTools
from processor.judge import partition_of
from processor.metrics import CLOCK_INPUTS, CLOCK_LATE, CLOCK_STUCK
from processor.rules.game import BoostRule
from processor.state import Told
from schemas.codec import write_instant
from schemas.topics import user_key

# How often it looks, when nothing is under way and when something is.
IDLE_S: Final = 0.5
BUSY_S: Final = 0.05
PAUSE_S: Final = 1.0
# Of all clocks of a worker together: what an event that comes now may have to wait behind. At some
# thousand a second that is a tenth of a second.
IN_FLIGHT_MAX: Final = 200
# Of one clock at the least, however many there are.
IN_FLIGHT_MIN: Final = 10
# What was not judged after so long is sent again, then after twice as long, and so on.
RESEND_S: Final = 30.0
RESEND_S_MAX: Final = 3600.0
# Sent so often, it is no longer waited for: something is wrong with this one alone.
TRIES: Final = 3
BOOSTS_EVERY_S: Final = 5.0
# When a boost of everyone is told of (semantics 8): in the days around its dates, in UTC.
STARTED_AT: Final = time(10, tzinfo=UTC)
FINISHED_AT: Final = time(13, tzinfo=UTC)
ONE_DAY: Final = timedelta(days=1)
# Of dates beyond nothing is told: they stand for always, and no input can name their instants.
FIRST_DATE: Final = date(1970, 1, 1)
LAST_DATE: Final = date(8999, 12, 30)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Sent:
    """A due input under way."""

    at: str
    # The loop's time when it was sent last, and how often it was.
    when: float
    times: int = 1

    def is_overdue(self, now: float) -> bool:
        return now - self.when >= min(RESEND_S * (1 << min(self.times - 1, 10)), RESEND_S_MAX)


class _Change(NamedTuple):
    """What is to be told of a boost of everyone."""

    tenant: str
    system: str
    boost: str
    change: str
    at: datetime

    def keyed(self) -> Keyed:
        told = {"type": "boost", **self._asdict(), "at": write_instant(self.at)}
        return self.tenant.encode(), orjson.dumps(told)


class Room:
    """How much the clocks of one worker may have under way, shared evenly by those with work."""

    def __init__(self) -> None:
        """Begin with nobody who has work."""
        self._busy: set[int] = set()

    def share(self, partition: int, *, busy: bool) -> int:
        """Return how much the clock of a partition may have under way; it says if it has work."""
        if busy:
            self._busy.add(partition)
        else:
            self._busy.discard(partition)
        return max(IN_FLIGHT_MIN, IN_FLIGHT_MAX // max(1, len(self._busy)))


class Clock:
    """Publishes what falls due in one partition."""

    def __init__(self, tools: LaneTools, now: Callable[[], datetime], room: Room) -> None:
        """Take the lane's tools, what says the present time with its zone, and the room it has."""
        self._tools = tools
        self._now = now
        self._room = room
        self._share = room.share(tools.seat.partition, busy=False)
        self._sent: dict[tuple[str, str], _Sent] = {}
        # Changes of boosts under way -> the loop's time when they were sent.
        self._told: dict[_Change, float] = {}
        self._boosts_seen = float("-inf")
        self._late = CLOCK_LATE.labels(str(tools.seat.partition))
        self._log = log.bind(partition=tools.seat.partition)

    async def run(self) -> None:
        """Work until cancelled. Raises the store's errors; the broker's are waited out."""
        try:
            while True:
                await self._round()
        finally:
            # Another worker tells of the partition now.
            self._late.set(0)
            self._room.share(self._tools.seat.partition, busy=False)

    async def _round(self) -> None:
        try:
            busy = await self.look()
        except KafkaError as error:
            self._log.warning("clock.broker_failed", error=repr(error))
            # What got there is told twice: better than not at all.
            self._sent.clear()
            self._told.clear()
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
        await self._tell_boosts(now)
        if self._tools.is_held(now):
            return False
        inputs = self._due(now)
        if inputs:
            await self._tools.publish(inputs)
            CLOCK_INPUTS.labels("due").inc(len(inputs))
        return bool(self._sent)

    # -- what is of a user

    def _due(self, now: datetime) -> list[Keyed]:
        """Return what is to be sent now, and note it as sent."""
        stuck = sum(it.times >= TRIES for it in self._sent.values())
        rows = self._tools.state.due(now, self._share + stuck)
        self._share = self._room.share(self._tools.seat.partition, busy=bool(rows))
        late = now - datetime.fromisoformat(rows[0][0]) if rows else timedelta()
        self._late.set(late.total_seconds())
        moment = asyncio.get_running_loop().time()
        # What has no row any more, or another, has been judged.
        under_way: dict[tuple[str, str], _Sent] = {}
        fresh: list[tuple[str, str, str]] = []
        inputs: list[Keyed] = []
        for at, tenant, user in rows:
            sent = self._sent.get((tenant, user))
            if sent is None or sent.at != at:
                fresh.append((at, tenant, user))
                continue
            under_way[tenant, user] = sent
            if sent.is_overdue(moment):
                sent.times += 1
                sent.when = moment
                inputs.append(due_input(at, tenant, user))
                self._log.warning("clock.sent_again", tenant=tenant, at=at, times=sent.times)
        self._sent = under_way
        stuck = sum(it.times >= TRIES for it in under_way.values())
        CLOCK_STUCK.labels(str(self._tools.seat.partition)).set(stuck)
        left = self._share - (len(under_way) - stuck)
        # Some at a time, not one for each that was judged.
        if left >= self._share // 2:
            for at, tenant, user in fresh[:left]:
                under_way[tenant, user] = _Sent(at, moment)
                inputs.append(due_input(at, tenant, user))
        return inputs

    # -- boosts of everyone

    async def _tell_boosts(self, now: datetime) -> None:
        moment = asyncio.get_running_loop().time()
        if moment - self._boosts_seen < BOOSTS_EVERY_S:
            return
        self._boosts_seen = moment
        changes = list(self._changes(now))
        self._told = {it: self._told[it] for it in changes if it in self._told}
        for change in changes:
            if moment - self._told.get(change, float("-inf")) < RESEND_S:
                continue
            await self._tools.publish([change.keyed()])
            self._told[change] = moment
            CLOCK_INPUTS.labels("boost").inc()

    def _changes(self, now: datetime) -> Iterator[_Change]:
        """Yield what is to be told of the boosts in force of tenants that are told of here."""
        seat, state = self._tools.seat, self._tools.state
        for tenant, version in state.versions.items():
            if partition_of(tenant.encode(), seat.partitions) != seat.partition:
                continue
            game = self._tools.games.get(tenant, version)
            told = state.told.get(tenant, {})
            for system in game.systems if game is not None else ():
                for boost in system.boosts:
                    if boost.user is not None:
                        # That user's own time tells of it.
                        continue
                    found = change_of(boost, told.get(f"{system.key}/{boost.key}"), now)
                    if found is not None:
                        yield _Change(tenant, system.key, boost.key, *found)


def due_input(at: str, tenant: str, user: str) -> Keyed:
    """Return key and value of the input that says that a user's time has come to an instant."""
    told = {"type": "due", "tenant": tenant, "user": user, "at": at}
    return user_key(tenant, user), orjson.dumps(told)


def change_of(boost: BoostRule, told: Told | None, now: datetime) -> tuple[str, datetime] | None:
    """Return what is to be told of a boost of everyone, and since when; None for nothing.

    `told` is the last that was told of it. Nothing is told of a boost that was over before anybody
    heard of it; one that was moved to later dates begins again.
    """
    first = max(date.fromisoformat(boost.start), FIRST_DATE)
    last = date.fromisoformat(boost.end) if boost.end is not None else date.max
    if first > LAST_DATE:
        return None
    started = datetime.combine(first - ONE_DAY, STARTED_AT)
    finished = datetime.combine(last + ONE_DAY, FINISHED_AT) if last <= LAST_DATE else None
    is_over = finished is not None and finished <= now
    if told is not None and told.change == "started":
        return ("finished", finished) if finished is not None and is_over else None
    if is_over or started > now:
        return None
    if told is not None and started <= datetime.fromisoformat(told.at):
        return None
    return "started", started
