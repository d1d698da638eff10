"""Random histories for the laws: inputs of every kind, in the order of the log.

Hypothesis draws one number for each step, and the step is made of that number and of what has been
judged before it: a correction needs an event, the clock needs something that falls due.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from laws.edits import edited
from laws.games import (
    LIKELY,
    METRICS,
    STARTS,
    USERS,
    ZONES,
    Parts,
    Raw,
    game_of,
    read,
)
from laws.log import Appended, Input, Log, past_of

from schemas.entries import TotalEntry
from schemas.inputs import RecordedEvent
from schemas.inputs.base import DEFAULT_TENANT
from schemas.instants import instant, write_micros
from schemas.records import Record, event_id_of, time_text
from schemas.versions import Version, succeed

MINUTES = (0, 1, 30, 60, 6 * 60, 12 * 60, 24 * 60, 24 * 60, 24 * 60, 25 * 60, 49 * 60)
WEEKS = (5 * 24 * 60, 7 * 24 * 60, 31 * 24 * 60)
# Minutes before the append time; below zero is the future, up to five minutes of which are fine.
LATE = (0, 1, 90, 23 * 60, 24 * 60, 8 * 24 * 60, 40 * 24 * 60, -4, -5, -6)
VALUES = (1, 1, 1, 2, 3, 0, 0.1, 0.2, 2.5, 7, -1, -2, -0.5, 12)
# By so much some values are multiplied in games that refuse events half-way.
GREAT = 10**6
# Due inputs for one step: what is more is left for later.
DUE_MAX = 40


class Plan(NamedTuple):
    """What a history may hold."""

    users: tuple[str, ...] = USERS
    # Of ten inputs about a user, how many take the user to another time zone.
    flights: int = 2
    # Whether events may be late, and definitions may change.
    late: bool = True
    edits: bool = True
    # How the clock runs; None: at random.
    clock: str | None = None
    # Whether many events are refused half-way: users have too few points for them, or too many.
    refuses: bool = False


class Story(NamedTuple):
    """A history: versions of the definitions, the inputs in order, and what was judged of them."""

    versions: list[Version]
    inputs: list[Appended]
    records: list[Record]
    log: Log

    @property
    def users(self) -> set[str]:
        """The ids of the users that became known."""
        return {it.user for it in self.records if it.outcome == "applied" and it.user is not None}


class Teller:
    """Tells a history step by step, while it is judged."""

    def __init__(self, made: Parts, plan: Plan, rng: Random) -> None:
        self._plan = plan
        self._users = plan.users[: rng.choice((1, 1, 2, len(plan.users)))]
        self._clock = plan.clock or rng.choice(("none", "sometimes", "sometimes", "punctual"))
        self._now = rng.choice(STARTS)
        self._game = game_of(made, self._now, refuses=plan.refuses)
        self._pauses = 0
        self.story = Story([], [], [], Log([]))
        self._define(self._game)

    def tell(self, given: Input, at: datetime | None = None) -> None:
        self.story.inputs.append(Appended(given, at or self._now))
        self.story.records.append(self.story.log.tell(*self.story.inputs[-1]))

    def step(self, rng: Random) -> None:
        minutes = rng.choice(MINUTES if rng.random() < 0.9 else WEEKS)
        until = self._now + timedelta(minutes=minutes)
        if self._clock == "punctual":
            self._tell_due(until)
        self._now = until
        kinds = STEPS if self._plan.edits else STEPS[:-2]
        kind = rng.choices([it[0] for it in kinds], [it[1] for it in kinds])[0]
        kind(self, rng)

    # Steps

    def _event(self, rng: Random) -> None:
        given: Input = {"user": self._someone(rng), "metric": rng.choice(LIKELY)}
        if rng.random() < 0.85:
            given["value"] = rng.choice(VALUES)
            if self._plan.refuses and rng.random() < 0.3:
                given["value"] *= GREAT
        if rng.random() < 0.4:
            keys = rng.sample(("kind", "size"), rng.randint(1, 2))
            given["attributes"] = {key: rng.choice(("a", "b")) for key in keys}
            if rng.random() < 0.05:
                given["attributes"]["colour"] = "a"
        if self._plan.late and rng.random() < 0.2:
            given["occurredAt"] = self._ago(rng)
        self.tell(self._keyed(rng, given))

    def _identification(self, rng: Random) -> None:
        self.tell(self._keyed(rng, {"type": "user", "user": self._someone(rng)}))

    def _completion(self, rng: Random) -> None:
        items = [it for it in self._game["achievements"] if it["trigger"] == "api"]
        keys = [it["key"] for it in items or self._game["achievements"]]
        key = rng.choice([*keys, *keys, "unknown"])
        given = {"type": "achievement", "user": self._someone(rng), "achievement": key}
        if self._plan.late and rng.random() < 0.2:
            given["occurredAt"] = self._ago(rng)
        self.tell(self._keyed(rng, given))

    def _due(self, rng: Random) -> None:
        if self._clock == "none" or rng.random() < 0.2:
            # Nothing that fell due: a clock that was set wrong, or one that is too late.
            at = self._now + timedelta(minutes=rng.choice((-600, -1, 0, 4, 10)))
            self.tell({"type": "due", "user": rng.choice(self._users), "at": at.isoformat()})
        else:
            self._tell_due(self._now, at=self._now)
        given = self.story.inputs[-1].input or {}
        if given.get("type") == "due" and rng.random() < 0.5:
            self.tell(given)

    def _tell_due(self, until: datetime, at: datetime | None = None) -> None:
        """Tell what falls due until an instant, earliest first, as the clock does."""
        for _ in range(DUE_MAX):
            dues = [
                (own.due, user)
                for user in self._users
                if (own := self.story.log.user_state(user)) is not None and own.due is not None
            ]
            if not dues or instant(min(dues)[0]) > until:
                return
            due, user = min(dues)
            # A user may be judged late: then the due instant lies before what was judged last.
            at_least = max(instant(due), self._now)
            self.tell({"type": "due", "user": user, "at": write_micros(due)}, at or at_least)

    def _correction(self, rng: Random) -> None:
        done = [
            it
            for it in self.story.records
            if it.outcome == "applied" and isinstance(it.input, RecordedEvent)
        ]
        if not done:
            return
        event = rng.choice(done)
        assert isinstance(event.input, RecordedEvent)
        assert event.user is not None
        if self._is_behind(event.user):
            # A correction between a version's marker and the visit of its backfill leaves the
            # highest value of a new filter where the past had it: known, and rare.
            return
        total = next(it for it in event.entries if isinstance(it, TotalEntry))
        given: Input = {
            "type": "correction",
            "user": event.user,
            "event": event_id_of(event),
            "metric": event.input.metric,
            "was": total.change,
            "attributes": event.input.attributes,
            "at": time_text(event),
            "reason": "a mistake",
        }
        if rng.random() < 0.8:
            given["day"] = total.day.isoformat()
        if rng.random() < 0.7:
            given["value"] = rng.choice((*VALUES, 20))
        self.tell(self._keyed(rng, given))

    def _adjustment(self, rng: Random) -> None:
        given = {
            "system": rng.choice(("xp", "xp", "xp", "care", "gold")),
            "points": rng.choice((1, 3, 10, 40, -1, -5, -100)),
            "reason": "because",
        }
        self._of_user(rng, "adjustment", **given)

    def _freeze(self, rng: Random) -> None:
        self._of_user(rng, "freeze")

    def _pause(self, rng: Random) -> None:
        start = self._now.date() + timedelta(days=rng.choice((-1, 0, 0, 1, 1, 3, 20)))
        end = start + timedelta(days=rng.choice((-1, 0, 0, 1, 2, 9)))
        if rng.random() < 0.8:
            self._pauses += 1
        given = {"id": f"p{self._pauses}", "start": start.isoformat(), "end": end.isoformat()}
        self._of_user(rng, "pause", **given)

    def _pause_removal(self, rng: Random) -> None:
        self._of_user(rng, "pause_removal", id=f"p{self._pauses}")

    def _restoration(self, rng: Random) -> None:
        self._of_user(rng, "restore")

    def _preferences(self, rng: Random) -> None:
        wanted: Raw = {}
        if rng.random() < 0.5:
            wanted["enabled"] = rng.random() < 0.6
        if rng.random() < 0.3:
            wanted["evaluationMode"] = rng.choice(("AND", "OR"))
        if rng.random() < 0.4:
            wanted["metrics"] = [
                {"metric": metric, "threshold": rng.choice((0.5, 1, 2, 5))}
                for metric in rng.sample(METRICS, rng.randint(0, 2))
            ]
        self._of_user(rng, "preferences", streak=wanted)

    def _edit(self, rng: Random) -> None:
        self._game = edited(self._game, rng, self._now)
        self._define(self._game)
        if rng.random() < 0.6:
            self._backfill(rng)

    def _define(self, game: Raw) -> None:
        versions = self.story.versions
        before = versions[-1] if versions else None
        version = succeed(before, read(game), DEFAULT_TENANT, self._now)
        versions.append(version)
        self.story.log.publish(version)
        self.tell({"type": "definitions", "version": version.version})

    def _backfill(self, rng: Random) -> None:
        version = self.story.versions[-1]
        if version.version == 1:
            return
        for user in sorted(self.story.users):
            given = {
                "type": "backfill",
                "user": user,
                "version": version.version,
                "series": past_of(self.story.records, user, self._known(user), version),
                "idempotencyKey": f"backfill-{version.version}",
            }
            if rng.random() < 0.9:
                self.tell(given)

    # Parts of steps

    def _is_behind(self, user: str) -> bool:
        """Tell whether a filter counts for which the user's past is not known yet."""
        known = self._known(user)
        return any(since > known for since in self.story.versions[-1].since.values())

    def _known(self, user: str) -> int:
        own = self.story.log.user_state(user)
        assert own is not None
        return own.known

    def _of_user(self, rng: Random, kind: str, **fields: Any) -> None:
        known = sorted(self.story.users) if rng.random() < 0.95 else []
        given = {"type": kind, "user": rng.choice(known or self._users), **fields}
        self.tell(self._keyed(rng, given))

    def _keyed(self, rng: Random, given: Input) -> Input:
        if rng.random() < 0.2:
            given["idempotencyKey"] = rng.choice(("k1", "k2", "k3"))
        return given

    def _ago(self, rng: Random) -> str:
        return (self._now - timedelta(minutes=rng.choice(LATE))).isoformat()

    def _someone(self, rng: Random) -> Any:
        user: Raw = {"id": rng.choice(self._users)}
        if rng.random() * 10 < self._plan.flights:
            user["tz"] = rng.choice((*ZONES, None))
        if rng.random() < 0.25:
            user["attributes"] = {"team": rng.choice(("x", "x", "y", "", None))}
        if rng.random() < 0.05:
            user["name"] = "Ada"
        return user if len(user) > 1 or rng.random() < 0.5 else user["id"]


# What a step may be, and how often it is; the last two change the definitions.
STEPS: tuple[tuple[Callable[[Teller, Random], None], int], ...] = (
    (Teller._event, 60),
    (Teller._identification, 4),
    (Teller._completion, 4),
    (Teller._due, 8),
    (Teller._correction, 6),
    (Teller._adjustment, 4),
    (Teller._freeze, 3),
    (Teller._pause, 5),
    (Teller._pause_removal, 1),
    (Teller._restoration, 3),
    (Teller._preferences, 3),
    (Teller._edit, 6),
    (Teller._backfill, 3),
)


def tell(made: Parts, plan: Plan, head: int, seeds: list[int]) -> Story:
    """Return the history that these numbers make, judged by the engine."""
    teller = Teller(made, plan, Random(head))
    for seed in seeds:
        teller.step(Random(seed))
    return teller.story
