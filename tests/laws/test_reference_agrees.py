"""The engine and the second implementation say the same of every input of every random history.

The reference was written from the description of the rules alone; where the two differ, the
description decides who is wrong.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from laws.comparing import of_outcome, of_record, of_shown, of_standing, of_state, of_user
from laws.games import often
from laws.log import Log, user_of
from laws.stories import explain, stories
from reference.game import Game

A_MOMENT = timedelta(milliseconds=1)
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
        self.game = Game(plain(first), first.at)
        # Users whose next due instant is that of an older version: they wait for the backfill.
        self.stale = set()

    def check(self):
        for told, record in zip(self.story.told, self.story.records, strict=True):
            assert self.log.tell(*told) == record
            if told.input.get("type") == "definitions":
                self.define(told.input["version"])
            else:
                self.compare(told, record)
        for user in self.story.users:
            self.compare_due(user)

    def define(self, number):
        version = self.story.versions[number - 1]
        if number > 1:
            self.game.define(plain(version), version.at)
        if version.backfill:
            self.stale |= self.story.users

    def compare(self, told, record):
        user, kind = user_of(told.input) or "", told.input.get("type", "metric")
        if kind == "due" and record["outcome"] == "replayed":
            # The engine says that nothing falls due up to then.
            assert user in self.stale or self.waited(user, told.input["at"]) == []
            return
        expected = self.game.play(*told)
        assert record["outcome"] == expected.status, (record.get("reason"), expected.reason)
        if expected.status == "refused":
            assert record["code"] == expected.code, (record["reason"], expected.reason)
        frequency = self.game.rules.frequency
        concluded, wanted = of_record(record, frequency), of_outcome(expected, frequency)
        if kind == "backfill":
            # In which order the past completes achievements, nobody says.
            for it in (concluded, wanted):
                it["achievements"].sort()
        assert concluded == wanted
        if kind == "backfill" and record["outcome"] == "applied":
            self.stale.discard(user)
        if expected.status != "refused":
            self.compare_state(user, record, expected)
        held = self.game.users.get(("default", user))
        assert of_standing(self.log.standing(user), self.game.rules) == of_user(
            held, self.game.rules
        )

    def compare_state(self, user, record, expected):
        freezes = bool(self.game.rules.max_freezes)
        held = self.game.users["default", user]
        shown = of_shown(expected.shown, held, freezes=freezes)
        assert of_state(record["state"], freezes=freezes) == shown
        if "total" in record["state"]:
            assert Decimal(record["state"]["total"]) == expected.total

    def compare_due(self, user):
        """Nothing happens by time alone before the instant that the engine says."""
        standing = self.log.standing(user)
        now, due = datetime.fromisoformat(standing["time"]), standing.get("due")
        if due is not None:
            assert datetime.fromisoformat(due) > now
        if user not in self.stale:
            until = datetime.fromisoformat(due) - A_MOMENT if due else now + LONG
            assert self.waited(user, until.isoformat()) == []

    def waited(self, user, at):
        """What would happen by time alone: to points, boosts, freezes, the streak that counts."""
        found = self.game.wait("default", user, datetime.fromisoformat(at))
        told = of_outcome(found, self.game.rules.frequency)
        streaks = told["streaks"][self.game.rules.frequency]
        return [*found.awards, *found.turns, *streaks]


def plain(version):
    """The definitions of a version as the reference reads them."""
    return version.definitions.model_dump(exclude_none=True)
