"""The oracle that judges the peers must see what is wrong, and nothing where nothing is."""

from faults.peer_oracle import Accepted, Output, judge

ACCEPTED = [
    Accepted(0, "ann", 2, 0, 0),
    Accepted(1, "bob", 3, 0, 1),
    Accepted(2, "ann", 5, 0, 2),
]
OUTPUTS = [Output(0, "ann", 2, 2), Output(1, "bob", 3, 3), Output(2, "ann", 5, 7)]


def test_one_output_for_every_event_and_the_right_totals_are_no_violation():
    assert judge(ACCEPTED, OUTPUTS).violations() == []


def test_an_event_without_output_is_lost_and_its_users_total_wrong():
    verdict = judge(ACCEPTED, OUTPUTS[:2])
    assert verdict.lost == (2,)
    assert verdict.wrong_totals == {"ann": (7, 2)}


def test_an_event_that_the_peer_has_not_come_to_is_not_lost():
    assert judge(ACCEPTED, OUTPUTS[:2], pending={2}).violations() == []


def test_an_event_told_twice_is_doubled_even_if_the_totals_are_right():
    verdict = judge(ACCEPTED, [*OUTPUTS, OUTPUTS[2]])
    assert verdict.doubled == (2,)
    assert verdict.wrong_totals == {}
    assert verdict.leaps == 1


def test_an_event_counted_twice_makes_the_total_wrong():
    verdict = judge(ACCEPTED, [*OUTPUTS, Output(2, "ann", 5, 12)])
    assert verdict.wrong_totals == {"ann": (7, 12)}
    assert verdict.leaps == 0


def test_a_total_that_forgot_what_was_before_is_seen_although_every_event_has_one_output():
    verdict = judge(ACCEPTED, [*OUTPUTS[:2], Output(2, "ann", 5, 5)])
    assert verdict.leaps == 1
    assert verdict.wrong_totals == {"ann": (7, 5)}
    assert len(verdict.violations()) == 2


def test_an_output_of_an_event_that_nobody_sent_is_unknown():
    assert judge(ACCEPTED, [*OUTPUTS, Output(9, "bob", 1, 4)]).unknown == (9,)
