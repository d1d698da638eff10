"""The clock of a lane, without Kafka: what it publishes is judged when a test says so."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from aiokafka.errors import KafkaConnectionError
from parts.judged import Lane
from wording.definitions import daily, game
from wording.inputs import instant

from processor.clock import Clock
from processor.companions import LaneTools
from processor.in_flight import InFlightBudget
from processor.messages import UnusableVersionError

GAME = game(
    streak=daily(),
    points={"xp": {"boosts": [{"key": "b", "start": "2026-03-10", "multiplier": 2}]}},
)
TODAY = "2026-03-02T12:00:00Z"
MIDNIGHT = "2026-03-04T00:00:00Z"
LATER = "2026-03-05T12:00:00Z"
PATIENCE_S = 30


class World:
    """A lane without Kafka, its clock, and a present time that goes on when it is told to."""

    def __init__(self, store, definitions=GAME, **about):
        self.lane = Lane(store, definitions, **about)
        self.now = instant(TODAY)
        self.published: list[Any] = []
        self.behind = False
        self.broken = False
        # How often nothing could be published.
        self.refused = 0
        self.unusable: set[str] = set()
        tools = LaneTools(
            context=self.lane.context,
            state=self.lane.state,
            rulesets=cast(Any, SimpleNamespace(get=self._rules)),
            topics=cast(Any, None),
            connection=cast(Any, None),
            publish=self._publish,
            waiting=lambda: 0,
            behind=lambda: self.behind,
        )
        self.clock = Clock(tools, lambda: self.now, InFlightBudget())
        self.keep()

    def _rules(self, tenant, version):
        if tenant in self.unusable:
            raise UnusableVersionError("as told")
        return self.lane.context.ruleset(tenant, version)

    async def _publish(self, inputs):
        if self.broken:
            self.refused += 1
            raise KafkaConnectionError
        self.published += [(key, json.loads(value)) for key, value in inputs]

    async def look(self, now=None):
        """Have the clock look; return what it publishes of boosts, and of users."""
        self.now = instant(now) if now else self.now
        before = len(self.published)
        await self.clock.look()
        return [words for _key, words in self.published[before:]]

    def keep(self):
        """Store what was judged."""
        self.lane.state.keep(self.lane.offset)

    def judge(self, inputs):
        """Judge what was published, and store it; return the records."""
        millis = round(self.now.timestamp() * 1000)
        raws = [json.dumps(it).encode() for it in inputs]
        records = [self.lane.judge(it, timestamp=millis).record for it in raws]
        self.keep()
        return records

    async def run_until(self, now, step=timedelta(hours=1)):
        """Let time go on, and judge what the clock says until it has nothing to say."""
        end = instant(now)
        while self.now < end:
            self.now = min(end, self.now + step)
            while inputs := await self.look():
                self.judge(inputs)

    def commits(self, *users, at=None):
        """Have users commit, one after the other."""
        for number, user in enumerate(users):
            words = {"user": user, "metric": "commits"}
            millis = round(instant(at or TODAY).timestamp() * 1000)
            self.lane.judge(json.dumps(words).encode(), timestamp=millis + number)
        self.keep()


def users(inputs):
    """Return of whom something was published."""
    return [it["user"] for it in inputs]


def boosts(inputs):
    """Return what was told of boosts, and as of when."""
    return [(it["change"], it["at"]) for it in inputs if it["type"] == "boost"]


def hold(world, *, on):
    """Have the clock held, or released, at the present time."""
    world.judge([{"type": "hold", "on": on}])
