"""The language of the rule tests: given(game, *story).when(input).then(*entries).

A story is what happened before: inputs, which are judged; entries, which are taken as they are; and
definitions that come into force in the midst of it. Entries are compared exactly, but for those
that every test would have to repeat (`Result.then`). There is one user and no log: keys, partitions
and other users are tested where they are looked after. How definitions, inputs and entries are
written is in wording/.
"""

from typing import Any, NamedTuple

from wording.definitions import daily, every, game, per
from wording.entries import (
    achievement,
    backfilled,
    boost_turn,
    corrected,
    created,
    due_at,
    freezes,
    kind_of,
    kinds_of,
    level,
    pauses,
    plain,
    points,
    preferences,
    progress,
    streak,
    total,
    user,
)
from wording.inputs import (
    DAY,
    NOON,
    Sent,
    backfill,
    complete,
    correct,
    days,
    due,
    event,
    freeze,
    grant,
    identify,
    instant,
    on,
    pause,
    prefer,
    restore,
    unpause,
)
from wording.results import Decided, Result, of_kind
from wording.states import check_decided, copy_of, in_words

from processor.rules.compiling import compile_version
from processor.rules.decide import answer_state, decide, event_time
from processor.rules.decision import Decision
from processor.rules.evolve import evolve
from processor.rules.left import Refused, Unchanged
from processor.rules.user_state import UserState
from schemas.definitions import Definitions
from schemas.entries import CorrectionEntry
from schemas.inputs import Correction, MetricEvent
from schemas.instants import micros
from schemas.numbers import Number
from schemas.versions import Version, succeed

__all__ = [
    "DAY",
    "NOON",
    "Decided",
    "Newer",
    "Sent",
    "achievement",
    "awarded",
    "backfill",
    "backfilled",
    "boost_turn",
    "complete",
    "correct",
    "corrected",
    "created",
    "daily",
    "days",
    "due",
    "due_at",
    "event",
    "every",
    "freeze",
    "freezes",
    "gained",
    "game",
    "given",
    "grant",
    "identify",
    "in_words",
    "instant",
    "kind_of",
    "kinds_of",
    "lengths",
    "level",
    "of_kind",
    "on",
    "pause",
    "pauses",
    "per",
    "plain",
    "play",
    "points",
    "prefer",
    "preferences",
    "progress",
    "restore",
    "streak",
    "total",
    "unpause",
    "user",
]

# When the first version of a game came into force, unless a test says otherwise: before all else.
FOUNDED = "2000-01-01T00:00:00Z"


class Newer(NamedTuple):
    """Definitions that come into force at a certain instant, where that matters."""

    definitions: Definitions
    at: str


class given:  # noqa: N801  it is read as a word, not as a class
    """Definitions, and what happened before."""

    def __init__(self, definitions, *story, founded=FOUNDED):
        """Play the story; the definitions are in force since `founded`."""
        self.version: Version = succeed(None, definitions, "default", instant(founded))
        self._rules = compile_version(self.version)
        self.own: UserState | None = None
        self.decisions: list[Any] = []
        self._corrected: dict[str, Number] = {}
        for item in story:
            self.play(item)

    def play(self, item):
        """Have one more thing happen."""
        if isinstance(item, Definitions):
            self._follow(item, NOON)
        elif isinstance(item, Newer):
            self._follow(item.definitions, item.at)
        elif isinstance(item, Sent):
            decided = self.try_(item)
            assert isinstance(decided, Decided), decided
        else:
            at = micros(instant(NOON))
            self.own = copy_of(self.own or UserState(at))
            evolve(self.own, item, at)

    def try_(self, sent: Sent) -> Decided | Refused | Unchanged:
        """Have an input happen that may as well be refused, or change nothing."""
        decided = self._judge(sent)
        if isinstance(decided, Decided):
            self.decisions.append(decided)
            self.own = decided.own
            for entry in decided.entries:
                if isinstance(entry, CorrectionEntry):
                    self._corrected[entry.event] = entry.after
        return decided

    def _follow(self, definitions, at):
        self.version = succeed(self.version, definitions, "default", instant(at))
        self._rules = compile_version(self.version)

    def _judge(self, sent: Sent) -> Decided | Refused | Unchanged:
        value = None
        if isinstance(sent.input, Correction):
            value = self._corrected.get(sent.input.event)
        # The state is changed in place: what came before stays what it was.
        appended = micros(sent.appended)
        decision = decide(copy_of(self.own), sent.input, appended, self._rules, value)
        if not isinstance(decision, Decision):
            return decision
        check_decided(self.own, decision.entries, decision.own, event_time(sent.input, appended))
        metric = sent.input.metric if isinstance(sent.input, MetricEvent | Correction) else None
        state = answer_state(decision.own, metric, decision.rules)
        return Decided(decision.entries, decision.own, state)

    def when(self, sent):
        """Judge one more input."""
        return Result(lambda: self._judge(sent))


def play(definitions, *story):
    """Return what was decided of the inputs of a new user's story."""
    return given(definitions, *story).decisions


def awarded(definitions, *values):
    """Return the points that each of these values adds, one event per value."""
    return gained(definitions, *(event(value) for value in values))


def gained(definitions, *story):
    """Return the points that each input of a story adds."""
    return [
        sum(entry.awarded for entry in of_kind("points", decided))
        for decided in play(definitions, *story)
    ]


def lengths(definitions, *story):
    """Return the streak's length as each answer shows it."""
    return [decided.state.streak.length for decided in play(definitions, *story)]
