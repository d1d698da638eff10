"""The vectors of the rules: stories that both implementations play, and what has to come of them.

All numbers are typed out: an expectation that is computed would repeat the mistake it looks for.
What is expected is written in words: dates and instants as texts, fractions too.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any

from laws.log import Log
from reference.game import Game
from reference.translation import (
    answer_of_outcome,
    answer_of_state,
    effects_of_outcome,
    effects_of_record,
    known_of_state,
    known_of_user,
    plain,
)
from wording.inputs import Sent, instant

from schemas.definitions import Definitions
from schemas.inputs import user_of
from schemas.inputs.base import DEFAULT_TENANT
from schemas.instants import write_instant
from schemas.numbers import write
from schemas.versions import succeed

FOUNDED = instant("2000-01-01")


@dataclass
class Vector:
    """A story, and what has to come of it: by the names of what `Played` shows."""

    name: str
    definitions: Definitions
    # Inputs, and definitions that come into force in the midst of them, at the latest append time.
    story: tuple[Any, ...]
    expected: dict[str, Any]


def vector(name, definitions, *story, **expected):
    """Return a vector; where nothing is said of outcomes, all of it is applied."""
    return Vector(name, definitions, story, {"outcomes": ["applied"], **expected})


@dataclass
class Played:
    """What came of a story, one for each input: in words that both implementations share."""

    effects: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any] | None] = field(default_factory=list)
    # What is known in the end, by user.
    known: dict[str, Any] = field(default_factory=dict)

    def shown(self, name):
        """Return what a vector may expect under a name."""
        if name in OF_EFFECTS:
            return [it[OF_EFFECTS[name]] for it in self.effects]
        if name == "awarded":
            return [sum(row.awarded for row in _awards(it)) for it in self.effects]
        if name in OF_ANSWERS:
            return [None if it is None else OF_ANSWERS[name](it) for it in self.answers]
        ada = self.known["ada"]
        if name == "balances":
            return {system: balance for system, (balance, _moved) in ada["points"].items()}
        whole = {"effects": self.effects[-1], "answer": self.answers[-1], "known": ada}
        return {**whole, "others": self.known}[name]


# Of every input.
OF_EFFECTS = {
    "outcomes": "outcome",
    "codes": "code",
    "achievements": "achievements",
    "levels": "levels",
    "boosts": "boosts",
}
OF_ANSWERS: dict[str, Any] = {
    "totals": itemgetter("total"),
    "freezes": itemgetter("freezes"),
    "lengths": lambda answer: answer["streak"][0],
}
# Of which a vector names some fields: of the last input, and of what is known in the end.
IN_PART = ("effects", "answer", "known", "others")


def _awards(effects):
    return [*effects["awards"], *(row for rows in effects["ticks"].values() for row in rows)]


def check(played, expected):
    """Hold what came of a story against what has to."""
    for name, wanted in expected.items():
        found = in_words(played.shown(name))
        if name == "outcomes" and wanted == ["applied"]:
            assert set(found) == {"applied"}, found
        elif name in IN_PART:
            assert {key: found[key] for key in wanted} == wanted, name
        else:
            assert found == wanted, name


def check_agree(engine, reference):
    """Hold what came of a story by the engine against what came of it by the other."""
    assert engine.effects == reference.effects
    assert engine.known == reference.known
    for found, wanted in zip(engine.answers, reference.answers, strict=True):
        # Of a correction that changes nothing the engine shows no total.
        hides = found is not None and found["total"] is None
        assert found == (wanted and {**wanted, "total": None} if hides else wanted)


def in_words(value):
    """Return plain values as a vector writes them."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else write(value)
    if isinstance(value, datetime):
        return write_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: in_words(it) for key, it in value.items()}
    if isinstance(value, tuple):
        return tuple(map(in_words, value))
    return [in_words(it) for it in value] if isinstance(value, list) else value


def play_both(vector):
    """Play a vector by the engine and by the second implementation."""
    version = succeed(None, vector.definitions, DEFAULT_TENANT, FOUNDED)
    log, second = Log([version]), Game(plain(vector.definitions), FOUNDED)
    log.tell({"type": "definitions", "version": 1}, FOUNDED)
    engine, reference = Played(), Played()
    now = FOUNDED
    for it in vector.story:
        if isinstance(it, Definitions):
            version = succeed(version, it, DEFAULT_TENANT, now)
            log.publish(version)
            log.tell({"type": "definitions", "version": version.version}, now)
            second.define(plain(version.definitions), now)
        else:
            now = max(now, it.appended)
            _judge(log, it, engine, second.rules)
            _play(second, it, reference)
    for name in {user_of(it.input) for it in vector.story if isinstance(it, Sent)}:
        engine.known[name] = known_of_state(log.user_state(name), second.rules)
        user = second.users.get((DEFAULT_TENANT, name))
        reference.known[name] = known_of_user(user, second.rules)
    return engine, reference


def _judge(log, sent, played, rules):
    record = log.tell(sent.words, sent.appended)
    played.effects.append(effects_of_record(record, rules.frequency))
    played.answers.append(None if record.state is None else answer_of_state(record.state))


def _play(second, sent, played):
    outcome = second.play(sent.words, sent.appended)
    kind = sent.words.get("type", "metric")
    played.effects.append(effects_of_outcome(outcome, second.rules.frequency, kind))
    if outcome.shown is None:
        played.answers.append(None)
    else:
        user = second.users[DEFAULT_TENANT, user_of(sent.input)]
        played.answers.append(answer_of_outcome(outcome, user, second.rules))
