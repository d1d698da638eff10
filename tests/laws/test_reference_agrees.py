"""The engine and the second implementation say the same of every input of every random history.

The reference was written from the description of the rules alone; where the two differ, the
description decides who is wrong.
"""

from datetime import timedelta

from hypothesis import given
from laws.games import often
from laws.log import Log, user_of
from laws.stories import explain, stories
from reference.game import Game
from reference.translation import (
    answer_of_outcome,
    answer_of_state,
    differences,
    effects_of_outcome,
    effects_of_record,
    known_of_state,
    known_of_user,
    plain,
)

from schemas.inputs.base import DEFAULT_TENANT
from schemas.instants import instant, read_instant

A_MOMENT = timedelta(microseconds=1)
LONG = timedelta(days=40)


@often
@given(stories())
def test_the_engine_and_the_reference_agree_after_every_input(story):
    Agreement(story).check()


@often
@given(stories(users=("ada",), flights=6))
def test_they_agree_on_one_who_flies_around_the_world(story):
    Agreement(story).check()


class Agreement:
    """The reference beside what the engine has judged."""

    def __init__(self, story):
        explain(story)
        self.story = story
        self.log = Log(story.versions)
        first = story.versions[0]
        self.game = Game(plain(first.definitions), first.at)
        # Users whose next due instant is that of an older version: they wait for the backfill.
        self.stale = set()

    def check(self):
        for appended, record in zip(self.story.inputs, self.story.records, strict=True):
            assert self.log.tell(*appended) == record
            if appended.input.get("type") == "definitions":
                self.define(appended.input["version"])
            else:
                self.compare(appended, record)
        for user in self.story.users:
            self.compare_due(user)

    def define(self, number):
        version = self.story.versions[number - 1]
        if number > 1:
            self.game.define(plain(version.definitions), version.at)
        if version.backfill:
            self.stale |= self.story.users

    def compare(self, appended, record):
        given, at = appended
        user, kind = user_of(given) or "", given.get("type", "metric")
        if kind == "due" and record.outcome == "replayed":
            # The engine says that nothing falls due up to then.
            assert user in self.stale or self.waited(user, instant(read_instant(given["at"]))) == []
            return
        expected = self.game.play(given, at)
        frequency = self.game.rules.frequency
        wanted = effects_of_outcome(expected, frequency, kind)
        concluded = effects_of_record(record, frequency)
        assert differences(concluded, wanted) == [], (record.reason, expected.reason)
        if kind == "backfill" and record.outcome == "applied":
            self.stale.discard(user)
        if expected.status != "refused":
            self.compare_answer(user, kind, record, expected)
        held = self.game.users.get((DEFAULT_TENANT, user))
        found = known_of_state(self.log.user_state(user), self.game.rules)
        assert found == known_of_user(held, self.game.rules)

    def compare_answer(self, user, kind, record, expected):
        held = self.game.users[DEFAULT_TENANT, user]
        shown = answer_of_outcome(expected, held, self.game.rules)
        answered = answer_of_state(record.state)
        if kind == "correction" and record.outcome == "replayed":
            # Of one that has nothing to do the engine tells no total.
            assert answered["total"] is None
            del shown["total"]
        assert differences(answered, shown) == []

    def compare_due(self, user):
        """Nothing happens by time alone before the instant that the engine says."""
        own = self.log.user_state(user)
        assert own is not None
        if own.due is not None:
            assert own.due > own.time
        if user not in self.stale:
            until = instant(own.time) + LONG if own.due is None else instant(own.due) - A_MOMENT
            assert self.waited(user, until) == []

    def waited(self, user, at):
        """What would happen by time alone: to points, boosts, freezes, the streak that counts."""
        found = self.game.wait(DEFAULT_TENANT, user, at)
        frequency = self.game.rules.frequency
        streaks = effects_of_outcome(found, frequency)["streaks"][frequency]
        return [*found.awards, *found.turns, *streaks]
