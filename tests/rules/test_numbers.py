"""Exact decimals: added without rounding, and written in one form only."""

from decimal import Decimal, Inexact, InvalidOperation

import pytest

from schemas.numbers import (
    WHOLE_MAX,
    add,
    as_double,
    multiples,
    negated,
    number,
    read_number,
    sum_problem,
    value_problem,
    write,
)


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


FORMS = [
    (0, 0),
    (7, 7),
    (WHOLE_MAX, WHOLE_MAX),
    (-WHOLE_MAX, -WHOLE_MAX),
    (WHOLE_MAX + 1, Decimal(WHOLE_MAX + 1)),
    (-WHOLE_MAX - 1, Decimal(-WHOLE_MAX - 1)),
    ("-0", 0),
    ("0E+999999", 0),
    ("1.0", 1),
    ("1E+3", 1000),
    ("1.50", Decimal("1.5")),
    ("1E-10", Decimal("1E-10")),
    ("9007199254740992.0", Decimal(WHOLE_MAX + 1)),
    ("9007199254740991.50", Decimal("9007199254740991.5")),
]


@pytest.mark.parametrize("text", ["1e80", "-1e999999", "1e999999999999999999"])
def test_what_has_more_digits_than_any_sum_is_not_written_out(text):
    with pytest.raises(Inexact):
        read_number(text)


@pytest.mark.parametrize(("value", "form"), FORMS)
def test_a_number_has_one_form(value, form):
    found = read_number(value) if isinstance(value, str) else number(value)
    assert (type(found), str(found)) == (type(form), str(form))
    # It is that of itself, and its text that of the form.
    assert str(number(found)) == str(form)
    assert read_number(write(found)) == form


@pytest.mark.parametrize("text", ["", "x", "1,5", "0x1", "--1"])
def test_what_is_no_decimal_is_no_number(text):
    with pytest.raises(InvalidOperation):
        read_number(text)


def test_sums_are_exact():
    assert add(Decimal("0.1"), Decimal("0.2")) == Decimal("0.3")
    assert add(Decimal("1e20"), Decimal("1e-30")) == Decimal("1" + "0" * 20 + "." + "0" * 29 + "1")


@pytest.mark.parametrize(
    ("left", "right", "total"),
    [
        (1, 2, 3),
        (WHOLE_MAX, 1, Decimal(WHOLE_MAX + 1)),
        (-WHOLE_MAX, -1, Decimal(-WHOLE_MAX - 1)),
        (Decimal(WHOLE_MAX + 1), -1, WHOLE_MAX),
        (Decimal("0.5"), Decimal("0.5"), 1),
        (Decimal("0.5"), -1, Decimal("-0.5")),
        (1, Decimal("0.1"), Decimal("1.1")),
    ],
)
def test_a_sum_has_the_one_form_too(left, right, total):
    for found in (add(left, right), add(right, left)):
        assert (type(found), str(found)) == (type(total), str(total))


@pytest.mark.parametrize("value", [5, -5, 0, Decimal("0.1"), Decimal(WHOLE_MAX + 1)])
def test_the_negated_value_makes_nothing_with_it(value):
    found = add(value, negated(value))
    assert (type(found), found) == (int, 0)


def test_a_sum_that_would_be_rounded_is_an_error():
    with pytest.raises(Inexact):
        add(Decimal("1e60"), Decimal("1e-30"))


def test_a_number_of_an_answer_is_the_double_next_to_it():
    assert as_double(5) == 5
    assert isinstance(as_double(5), int)
    assert as_double(Decimal("0.1")) == 0.1
    assert as_double(Decimal(WHOLE_MAX + 1)) == 2.0**53


@pytest.mark.parametrize(
    "value", ["0", "-1", "1e-18", "999999999999999.5", "1.5e14", "0e99", "0e-99", "1.500E+1"]
)
def test_a_value_that_can_be_added_exactly_is_let_in(value):
    assert value_problem(Decimal(value)) is None
    assert sum_problem(Decimal(value)) is None


def test_a_whole_value_is_let_in_up_to_the_same_limit():
    assert value_problem(10**15 - 1) is None
    assert value_problem(1 - 10**15) is None
    assert value_problem(10**15) == value_problem(-(10**15)) == "must be smaller than 10^15"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("NaN", "must be a finite number"),
        ("sNaN", "must be a finite number"),
        ("Infinity", "must be a finite number"),
        ("-Infinity", "must be a finite number"),
        ("1e15", "must be smaller than 10^15"),
        ("-1e15", "must be smaller than 10^15"),
        ("1e999999999999999999", "must be smaller than 10^15"),
        ("1e-19", "must have at most 18 decimal places"),
        ("1.5e-18", "must have at most 18 decimal places"),
        ("1e-999999999999999999", "must have at most 18 decimal places"),
    ],
)
def test_a_value_that_cannot_be_added_exactly_is_not(value, problem):
    assert value_problem(Decimal(value)) == problem


@pytest.mark.parametrize("value", ["1e15", "9" * 40, "-" + "9" * 40 + "." + "9" * 18])
def test_a_sum_of_values_may_be_greater_than_any_of_them(value):
    assert sum_problem(Decimal(value)) is None


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1e40", "-1e40", "1e-19", "1e999999999999999999"]
)
def test_what_no_sum_of_values_comes_to_is_none(value):
    assert "must" in (sum_problem(Decimal(value)) or "")


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
