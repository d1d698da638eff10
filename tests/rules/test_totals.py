"""Totals and the subtotals of filters: exact, whatever the sign."""

import pytest
from given import event, game, given, of_kind, play, total

from schemas.numbers import read_number

KINDS = game(
    event=["kind", "size"],
    achievements=[
        {"key": "merges", "metricValue": 10, "eventAttributes": {"kind": "merge"}},
        {"key": "big", "metricValue": 9, "eventAttributes": {"size": "big", "kind": "merge"}},
    ],
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.1] * 10, "1"),
        ([0.1, 0.2], "0.3"),
        ([1.10], "1.1"),
        ([5, -8], "-3"),
        ([0.5, -0.5], "0"),
        ([0], "0"),
        ([9e14] * 200 + [0.1], "180000000000000000.1"),
        ([999999999999999, 1e-18], "999999999999999." + "0" * 17 + "1"),
    ],
)
def test_a_total_is_the_exact_sum_of_the_values(values, expected):
    decisions = play(game(), *(event(value) for value in values))
    assert decisions[-1].state.total == read_number(expected)


def test_a_value_left_out_counts_as_one():
    given(game(), total(2, 2)).when(event(None)).then(total(1, 3))


def test_a_value_left_out_counts_as_the_default_increment_of_the_metric():
    xp = game(metrics=[{"key": "xp", "defaultIncrementValue": "10.50"}])
    given(xp, total(1, 1, metric="xp")).when(event(None, metric="xp")).then(
        total("10.5", "11.5", metric="xp")
    )


def test_a_default_increment_of_zero_is_zero_and_not_one():
    still = game(metrics=[{"key": "commits", "defaultIncrementValue": 0}])
    given(still, total(1, 1)).when(event(None)).then(total(0, 1))


def test_metrics_have_totals_of_their_own():
    two = game(metrics=["commits", "lines"])
    given(two, event(3)).when(event(4, metric="lines")).then(total(4, 4, metric="lines"))


@pytest.mark.parametrize(
    ("attributes", "subtotals"),
    [
        ({"kind": "merge"}, {"kind=merge": "2"}),
        ({"kind": "merge", "size": "big"}, {"kind=merge": "2", "kind=merge&size=big": "2"}),
        ({"size": "big"}, None),
        ({"kind": "Merge"}, None),
        ({}, None),
    ],
)
def test_a_subtotal_counts_the_events_that_match_its_whole_filter(attributes, subtotals):
    expected = {"subtotals": subtotals} if subtotals else {}
    given(KINDS, total(1, 1)).when(event(2, attributes=attributes)).then(total(2, 3, **expected))


def test_two_rules_with_one_filter_share_its_subtotal():
    both = game(
        event=["kind"],
        achievements=[{"key": "a", "metricValue": 9, "eventAttributes": {"kind": "merge"}}],
        points={
            "xp": {
                "triggers": [
                    {"metricThreshold": 9, "points": 1, "eventAttributes": {"kind": "merge"}}
                ]
            }
        },
    )
    merge = event(attributes={"kind": "merge"})
    assert of_kind("total", play(both, merge, merge)[-1]) == [
        total(1, 2, subtotals={"kind=merge": "2"})
    ]


def test_filters_are_counted_under_names_that_cannot_be_confused():
    odd = game(
        event=["a", "b"],
        achievements=[
            {"key": "one", "metricValue": 9, "eventAttributes": {"a": "1&b=2"}},
            {"key": "two", "metricValue": 9, "eventAttributes": {"a": "1", "b": "2"}},
        ],
    )
    last = play(odd, event(attributes={"a": "1&b=2"}))[-1]
    assert of_kind("total", last) == [total(1, 1, subtotals={"a=1%26b%3D2": "1"})]


@pytest.mark.parametrize(
    ("at", "tz", "day"),
    [
        ("2026-03-02T23:30:00Z", None, "2026-03-02"),
        ("2026-03-02T23:30:00Z", "Europe/Berlin", "2026-03-03"),
        ("2026-03-02T07:59:00Z", "America/Los_Angeles", "2026-03-01"),
        ("2026-03-02T18:30:00Z", "Asia/Kolkata", "2026-03-03"),
        ("2026-03-03T01:00:00+03:00", None, "2026-03-02"),
    ],
)
def test_a_total_is_noted_under_the_users_local_date(at, tz, day):
    sent = event(at=at, user={"tz": tz})
    (entry,) = of_kind("total", play(game(), sent)[-1])
    assert entry.day.isoformat() == day
