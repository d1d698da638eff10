"""Random histories for the laws: inputs of every kind, in the order of the log.

Hypothesis draws one number for each step, and the step is made of that number and of what has been
judged before it: a correction needs an event, the clock needs something that falls due.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import chain
from random import Random
from typing import Any, NamedTuple

from hypothesis import note
from hypothesis import strategies as st
from laws.games import (
    LIKELY,
    METRICS,
    SEED,
    STARTS,
    USERS,
    ZONES,
    Parts,
    Raw,
    edited,
    game_of,
    parts,
    read,
)
from laws.log import Input, Log, Told, past_of

from schemas.versions import Version, succeed

TENANT = "default"
MINUTES = (0, 1, 30, 60, 6 * 60, 12 * 60, 24 * 60, 24 * 60, 24 * 60, 25 * 60, 49 * 60)
WEEKS = (5 * 24 * 60, 7 * 24 * 60, 31 * 24 * 60)
# Minutes before the append time; below zero is the future, up to five minutes of which are fine.
LATE = (0, 1, 90, 23 * 60, 24 * 60, 8 * 24 * 60, 40 * 24 * 60, -4, -5, -6)
VALUES = (1, 1, 1, 2, 3, 0, 0.1, 0.2, 2.5, 7, -1, -2, -0.5, 12)
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


class Story(NamedTuple):
    """A history: versions of the definitions, the inputs in order, and what was judged of them."""

    versions: list[Version]
    told: list[Told]
    records: list[Any]
    log: Log

    @property
    def users(self) -> set[str]:
        """The ids of the users that became known."""
        users = {it["user"] for it in self.records if it["outcome"] == "applied"}
        return users - {None}


def stories(*, steps: int = 16, **plan: Any) -> st.SearchStrategy[Story]:
    """Draw a history of a drawn game, of some so many steps."""
    # Lists of a few, one after the other: one list would mostly be a short one.
    few = st.lists(SEED, max_size=8)
    return st.builds(
        lambda made, head, *seeds: tell(made, Plan(**plan), head, [*chain(*seeds)]),
        parts(),
        SEED,
        *[few] * (steps // 4),
    )


def tell(made: Parts, plan: Plan, head: int, seeds: list[int]) -> Story:
    """Return the history that these numbers make, judged by the engine."""
    teller = _Teller(made, plan, Random(head))
    for seed in seeds:
        teller.step(Random(seed))
    return teller.story


class _Teller:
    """Tells a history step by step, while it is judged."""

    def __init__(self, made: Parts, plan: Plan, rng: Random) -> None:
        self._plan = plan
        self._users = plan.users[: rng.choice((1, 1, 2, len(plan.users)))]
        self._clock = plan.clock or rng.choice(("none", "sometimes", "sometimes", "punctual"))
        self._now = rng.choice(STARTS)
        self._game = game_of(made, self._now)
        self._pauses = 0
        self.story = Story([], [], [], Log([]))
        self._define(self._game)

    def tell(self, given: Input, appended: datetime | None = None) -> Any:
        appended = appended or self._now
        self.story.told.append(Told(given, appended))
        self.story.records.append(self.story.log.tell(given, appended))
        return self.story.records[-1]

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
        told: Input = {"user": self._someone(rng), "metric": rng.choice(LIKELY)}
        if rng.random() < 0.85:
            told["value"] = rng.choice(VALUES)
        if rng.random() < 0.4:
            keys = rng.sample(("kind", "size"), rng.randint(1, 2))
            told["attributes"] = {key: rng.choice(("a", "b")) for key in keys}
            if rng.random() < 0.05:
                told["attributes"]["colour"] = "a"
        if self._plan.late and rng.random() < 0.2:
            told["occurredAt"] = self._ago(rng)
        self.tell(self._keyed(rng, told))

    def _identification(self, rng: Random) -> None:
        self.tell(self._keyed(rng, {"type": "user", "user": self._someone(rng)}))

    def _completion(self, rng: Random) -> None:
        items = [it for it in self._game["achievements"] if it["trigger"] == "api"]
        keys = [it["key"] for it in items or self._game["achievements"]]
        key = rng.choice([*keys, *keys, "unknown"])
        told = {"type": "achievement", "user": self._someone(rng), "achievement": key}
        if self._plan.late and rng.random() < 0.2:
            told["occurredAt"] = self._ago(rng)
        self.tell(self._keyed(rng, told))

    def _due(self, rng: Random) -> None:
        if self._clock == "none" or rng.random() < 0.2:
            # Nothing that fell due: a clock that was set wrong, or one that is too late.
            at = self._now + timedelta(minutes=rng.choice((-600, -1, 0, 4, 10)))
            self.tell({"type": "due", "user": rng.choice(self._users), "at": at.isoformat()})
        else:
            self._tell_due(self._now, appended=self._now)
        if self.story.told[-1].input.get("type") == "due" and rng.random() < 0.5:
            self.tell(self.story.told[-1].input)

    def _tell_due(self, until: datetime, appended: datetime | None = None) -> None:
        """Tell what falls due until an instant, earliest first, as the clock does."""
        for _ in range(DUE_MAX):
            due = [
                (datetime.fromisoformat(standing["due"]), user)
                for user in self._users
                if (standing := self.story.log.standing(user)) and "due" in standing
            ]
            if not due or min(due)[0] > until:
                return
            at, user = min(due)
            # A standing may be told of late: then its due lies before what was judged last.
            at_least = max(at, self._now)
            told = {"type": "due", "user": user, "at": at.isoformat()}
            self.tell(told, appended or at_least)

    def _correction(self, rng: Random) -> None:
        done = [
            it
            for it in self.story.records
            if it["outcome"] == "applied" and it["input"] and "type" not in it["input"]
        ]
        if not done:
            return
        event = rng.choice(done)
        if self._is_behind(event["user"]):
            # A correction between a version's marker and the visit of its backfill leaves the
            # highest value of a new filter where the past had it: known, and rare.
            return
        given = event["input"]
        total = next(it for it in event["entries"] if it["kind"] == "total")
        told: Input = {
            "type": "correction",
            "user": event["user"],
            "event": event["id"],
            "metric": given["metric"],
            "was": total["change"],
            "attributes": given.get("attributes", {}),
            "at": event["at"],
            "reason": "a mistake",
        }
        if rng.random() < 0.8:
            told["day"] = total["day"]
        if rng.random() < 0.7:
            told["value"] = rng.choice((*VALUES, 20))
        self.tell(self._keyed(rng, told))

    def _adjustment(self, rng: Random) -> None:
        told = {
            "system": rng.choice(("xp", "xp", "xp", "care", "gold")),
            "points": rng.choice((1, 3, 10, 40, -1, -5, -100)),
            "reason": "because",
        }
        self._of_user(rng, "adjustment", **told)

    def _freeze(self, rng: Random) -> None:
        self._of_user(rng, "freeze")

    def _pause(self, rng: Random) -> None:
        start = self._now.date() + timedelta(days=rng.choice((-1, 0, 0, 1, 1, 3, 20)))
        end = start + timedelta(days=rng.choice((-1, 0, 0, 1, 2, 9)))
        if rng.random() < 0.8:
            self._pauses += 1
        told = {"id": f"p{self._pauses}", "start": start.isoformat(), "end": end.isoformat()}
        self._of_user(rng, "pause", **told)

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
        version = succeed(before, read(game), TENANT, self._now)
        versions.append(version)
        self.story.log.publish(version)
        self.tell({"type": "definitions", "version": version.version})

    def _backfill(self, rng: Random) -> None:
        version = self.story.versions[-1]
        if version.version == 1:
            return
        for user in sorted(self.story.users):
            known = self.story.log.standing(user).get("known", 1)
            told = {
                "type": "backfill",
                "user": user,
                "version": version.version,
                "series": past_of(self.story.records, user, known, version),
                "idempotencyKey": f"backfill-{version.version}",
            }
            if rng.random() < 0.9:
                self.tell(told)

    # Parts of steps

    def _is_behind(self, user: str) -> bool:
        """Tell whether a filter counts for which the user's past is not known yet."""
        known = self.story.log.standing(user).get("known", 1)
        return any(since > known for since in self.story.versions[-1].since.values())

    def _of_user(self, rng: Random, kind: str, **told: Any) -> None:
        known = sorted(self.story.users) if rng.random() < 0.95 else []
        told = {"type": kind, "user": rng.choice(known or self._users), **told}
        self.tell(self._keyed(rng, told))

    def _keyed(self, rng: Random, told: Input) -> Input:
        if rng.random() < 0.2:
            told["idempotencyKey"] = rng.choice(("k1", "k2", "k3"))
        return told

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
STEPS: tuple[tuple[Callable[[_Teller, Random], None], int], ...] = (
    (_Teller._event, 60),
    (_Teller._identification, 4),
    (_Teller._completion, 4),
    (_Teller._due, 8),
    (_Teller._correction, 6),
    (_Teller._adjustment, 4),
    (_Teller._freeze, 3),
    (_Teller._pause, 5),
    (_Teller._pause_removal, 1),
    (_Teller._restoration, 3),
    (_Teller._preferences, 3),
    (_Teller._edit, 6),
    (_Teller._backfill, 3),
)


def explain(story: Story) -> None:
    """Have Hypothesis show a history if a law fails on it."""
    for version in story.versions:
        note(f"version {version.version}: {version.model_dump_json(exclude_defaults=True)}")
    for told, record in zip(story.told, story.records, strict=True):
        note(f"{told.appended.isoformat()} {told.input} -> {record['outcome']}")
