"""The chain rule: which of the records that stand in a ledger partition count."""

import pytest

from schemas.order import Link, follows, link_of


def record(offset, lane, after, epoch=0):
    return {"source": (epoch, 3, offset), "lane": lane, "after": after}


@pytest.mark.parametrize(
    ("last", "after", "counts"),
    [
        (None, None, True),
        (None, (0, 0, "a"), False),
        ((0, 4, "a"), None, False),
        ((0, 4, "a"), (0, 4, "a"), True),
        ((0, 4, "a"), [0, 4, "a"], True),
        ((0, 4, "a"), (0, 4, "b"), False),
        ((0, 4, "a"), (0, 3, "a"), False),
        ((0, 4, "a"), (0, 5, "a"), False),
        ((0, 4, "a"), (1, 4, "a"), False),
    ],
)
def test_a_record_counts_only_after_the_very_record_that_it_names(last, after, counts):
    assert follows(Link(*last) if last else None, record(5, "a", after)) is counts


def test_a_record_is_named_by_its_source_position_and_its_lane():
    assert link_of(record(5, "a", None, epoch=2)) == (2, 5, "a")


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
    assert applied == [(0, 0, "old"), (0, 1, "new"), (0, 2, "new")]
