"""Exact decimals: added without rounding, and written in one form only."""

from decimal import Decimal, Inexact

import pytest

from schemas.numbers import add, check_value, multiples, write


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0.00", "0"),
        ("-0.0", "0"),
        ("1.10", "1.1"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("1.50E+1", "15"),
        ("1E-7", "0.0000001"),
        ("-2.50", "-2.5"),
    ],
)
def test_a_number_is_written_in_one_form(value, text):
    assert write(Decimal(value)) == text


def test_sums_are_exact():
    assert add(Decimal("0.1"), Decimal("0.2")) == Decimal("0.3")
    assert add(Decimal("1e20"), Decimal("1e-30")) == Decimal("1" + "0" * 20 + "." + "0" * 29 + "1")


def test_a_sum_that_would_be_rounded_is_an_error():
    with pytest.raises(Inexact):
        add(Decimal("1e60"), Decimal("1e-30"))


@pytest.mark.parametrize("value", ["0", "-1", "1e-30", "999999999999999999.5", "1.5e17"])
def test_a_value_that_can_be_added_exactly_is_let_in(value):
    assert check_value(Decimal(value)) == Decimal(value)


@pytest.mark.parametrize(
    "value", ["NaN", "sNaN", "Infinity", "-Infinity", "1e18", "-1e18", "1e-31"]
)
def test_a_value_that_cannot_be_added_exactly_is_not(value):
    with pytest.raises(ValueError, match="must"):
        check_value(Decimal(value))


@pytest.mark.parametrize(
    ("value", "step", "times"),
    [
        ("0", 3, 0),
        ("2.9", 3, 0),
        ("3", 3, 1),
        ("9", 3, 3),
        ("99999999999999999999.5", 1, 10**20 - 1),
    ],
)
def test_multiples_are_counted_downwards(value, step, times):
    assert multiples(Decimal(value), step) == times
