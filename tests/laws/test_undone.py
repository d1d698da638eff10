"""The laws of what did not come to be: a rule that breaks or refuses in the midst changes nothing.

States are changed in place while an input is judged. Whatever ends that early leaves a user as if
the input had not been: whether new, in the store, in memory or changed since the store was written.
"""

from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.breaking import broken, meanwhile
from laws.games import SEED, law
from laws.log import Log, user_of
from laws.stories import explain, stories

CACHE_BYTES = (0, 8000, None)
# After how many words a rule breaks: most inputs make no more.
WORDS = (0, 0, 1, 1, 2, 3, 4, 5, 6, 8, 10)


pytestmark = pytest.mark.usefixtures("quiet")


class Twins:
    """A log, and its twin to which all that does not come to be is something unreadable."""

    def __init__(self, story, rng):
        explain(story)
        self.log = Log(story.versions, cache_bytes=rng.choice(CACHE_BYTES))
        self.twin = Log(story.versions)
        self.rng = rng

    def tell(self, appended, *, breaks=False):
        """Tell both; return the record and whether a rule broke."""
        meanwhile(self.log, self.rng)
        if breaks:
            with broken(self.rng.choice(WORDS)) as breaking:
                record = self.log.tell(*appended)
            return record, breaking.has_raised
        return self.log.tell(*appended), False

    def tell_twin(self, appended, record, *, came_to_be):
        """Tell the twin of it, and compare."""
        expected = self.twin.tell(appended.input if came_to_be else None, appended.at)
        if came_to_be:
            assert self.log.raw[-1] == self.twin.raw[-1]
        else:
            assert record.entries == []
            assert (record.source, record.after) == (expected.source, expected.after)
        user = user_of(appended.input)
        if user is not None:
            assert self.log.user_bytes(user) == self.twin.user_bytes(user)

    def check_all(self):
        """Compare all that is stored in the end, byte by byte."""
        for log in (self.log, self.twin):
            log.keep()
        assert self.log.store.rows == self.twin.store.rows


@law
@given(stories(), SEED)
def test_a_rule_that_breaks_in_the_midst_changes_nothing(story, seed):
    twins = Twins(story, Random(seed))
    for index, appended in enumerate(story.inputs):
        breaks = index > 0 and twins.rng.random() < 0.4
        record, has_broken = twins.tell(appended, breaks=breaks)
        if has_broken:
            assert record.outcome == "dead"
            assert record.reason == "internal error: BrokenError"
        twins.tell_twin(appended, record, came_to_be=not has_broken)
    twins.check_all()


@law
@given(stories(), SEED, st.booleans())
def test_an_input_that_is_not_applied_changes_nothing(story, seed, is_short):
    twins = Twins(story, Random(seed))
    # What does not fit into a record is refused when all of it is concluded.
    most = twins.rng.randint(500, 900) if is_short else 10**6
    with patch("processor.judge.RECORD_BYTES_MAX", most):
        for appended in story.inputs:
            record, _ = twins.tell(appended)
            twins.tell_twin(appended, record, came_to_be=record.outcome == "applied")
    twins.check_all()


@law
@given(stories(refuses=True), SEED)
def test_one_who_has_too_few_points_or_would_have_too_many_keeps_what_there_is(story, seed):
    twins = Twins(story, Random(seed))
    for appended in story.inputs:
        record, _ = twins.tell(appended)
        twins.tell_twin(appended, record, came_to_be=record.outcome == "applied")
    twins.check_all()
