"""The chain rule: which of the records that stand in a ledger partition count."""

import pytest

from schemas.codec import read_record, write_record
from schemas.order import Link, follows, link_of
from schemas.records import RECORD_VERSION, Record, Source


def record(offset, lane, after, epoch=0):
    link = None if after is None else Link(*after)
    source = Source(epoch, 3, offset)
    # As records have it: the lane is said where it is another than that of the predecessor.
    said = None if link is not None and link.lane == lane else lane
    return Record(RECORD_VERSION, source, link, 0, 1, 1, lane=said)


@pytest.mark.parametrize(
    ("last", "after", "counts"),
    [
        (None, None, True),
        (None, (0, 0, "a"), False),
        ((0, 4, "a"), None, False),
        ((0, 4, "a"), (0, 4, "a"), True),
        ((0, 4, "a"), (0, 4, "b"), False),
        ((0, 4, "a"), (0, 3, "a"), False),
        ((0, 4, "a"), (0, 5, "a"), False),
        ((0, 4, "a"), (1, 4, "a"), False),
    ],
)
def test_a_record_counts_only_after_the_very_record_that_it_names(last, after, counts):
    judged = record(5, "a", after)
    assert follows(Link(*last) if last else None, judged) is counts
    # So it does when it comes from the ledger.
    assert follows(Link(*last) if last else None, read_record(write_record(judged))) is counts


def test_a_record_is_named_by_its_source_position_and_its_lane():
    assert link_of(record(5, "a", None, epoch=2)) == Link(2, 5, "a")


def test_a_record_of_the_lane_of_its_predecessor_need_not_say_it():
    judged = record(5, "a", (0, 4, "a"))
    assert judged.lane is None
    assert link_of(judged) == Link(0, 5, "a")
    assert link_of(record(5, "b", (0, 4, "a"))) == Link(0, 5, "b")


def test_of_two_lanes_the_first_to_reach_the_log_wins_and_the_chain_goes_on():
    log = [
        record(0, "old", None),
        record(1, "new", (0, 0, "old")),
        record(1, "old", (0, 0, "old")),
        record(2, "old", (0, 1, "old")),
        record(2, "new", (0, 1, "new")),
    ]
    last, applied = None, []
    for it in log:
        if follows(last, it):
            last = link_of(it)
            applied.append(last)
    assert applied == [Link(0, 0, "old"), Link(0, 1, "new"), Link(0, 2, "new")]
