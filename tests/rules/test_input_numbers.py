"""Numbers of inputs: exact by their text, whatever their form, and within limits."""

import re

import pytest
from wording.raw import raw, refusal

from processor.recorded import recorded
from schemas.codec import read_record, write_record
from schemas.inputs import Correction, MetricEvent, RecordedEvent
from schemas.inputs.reading import read_input
from schemas.numbers import WHOLE_MAX, number
from schemas.records import RECORD_VERSION, Record, Source


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("5.0", 5),
        ("5e0", 5),
        ("0.5e1", 5),
        ("1e3", 1000),
        ("1E+3", 1000),
        ("-0", 0),
        ("-0.0", 0),
        ("0e9999999999999999999", 0),
        ("-0.000E-9999999999999999999", 0),
        ("1." + "0" * 9000, 1),
        ("999999999999999e0", 10**15 - 1),
    ],
)
def test_a_whole_value_is_an_int_however_it_is_written(text, value):
    found = read_input(raw(f',"value":{text}'))
    assert isinstance(found, MetricEvent)
    assert (type(found.value), found.value) == (int, value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1e999999", "must be smaller than 10^15"),
        ("-1e999999999999999999", "must be smaller than 10^15"),
        # More digits in the exponent than a decimal has room for.
        ("1e9999999999999999999", "must be smaller than 10^15"),
        ("-1.5E+99999999999999999999999", "must be smaller than 10^15"),
        ("1e15", "must be smaller than 10^15"),
        ("1000000000000000", "must be smaller than 10^15"),
        ("18446744073709551616", "must be smaller than 10^15"),
        ("-9223372036854775809", "must be smaller than 10^15"),
        ("9" * 4000, "must be smaller than 10^15"),
        ("1e-400", "must have at most 18 decimal places"),
        ("1e-19", "must have at most 18 decimal places"),
        ("1e-9999999999999999999", "must have at most 18 decimal places"),
        ("0." + "0" * 9000 + "1", "must have at most 18 decimal places"),
        ('"5"', "must be a number"),
        ('"5.5"', "must be a number"),
        ('""', "must be a number"),
        ('"NaN"', "must be a number"),
        ("true", "must be a number"),
        ("false", "must be a number"),
        ("[5]", "must be a number, not a list"),
        ("{}", "must be a number, not an object"),
    ],
)
def test_what_is_no_value_says_so(text, words):
    assert refusal(raw(f',"value":{text}')) == f"value: {words}"
    asked = f'{{"streak":{{"metrics":[{{"metric":"commits","threshold":{text}}}]}}'
    preferences = asked.encode() + b',"type":"preferences","user":"ada"}'
    assert refusal(preferences) == f"streak.metrics.0.threshold: {words}"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1.", ".5", "+1", "01", "0x1"])
def test_what_json_has_no_number_for_is_no_json(text):
    assert re.match(
        r"not JSON: (invalid|expected) .* \(byte \d+\)$", refusal(raw(f',"value":{text}'))
    )


@pytest.mark.parametrize("text", ["9" * 5000, "-" + "9" * 60_000])
def test_a_number_that_nobody_reads_to_its_end_is_told_as_one(text):
    said = "not JSON that can be read: a number has too many digits"
    assert refusal(raw(f',"value":{text}')) == said
    assert refusal(raw(f',"unknown":[{text}]')) == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.0", "must be a whole number, not a number"),
        ("1e3", "must be a whole number, not a number"),
        ('"1"', "must be a whole number, not a text"),
        ("true", "must be a whole number, not true or false"),
        (str(WHOLE_MAX + 1), f"must be at most {WHOLE_MAX}"),
        (str(-WHOLE_MAX - 1), f"must be at least {-WHOLE_MAX}"),
        ("9" * 400, f"must be at most {WHOLE_MAX}"),
        ("0", "must not be 0"),
    ],
)
def test_points_of_an_operator_are_whole_and_exact_for_every_reader(text, words):
    asked = f'{{"type":"adjustment","user":"a","system":"xp","reason":"r","points":{text}}}'
    assert refusal(asked.encode()) == f"points: {words}"


@pytest.mark.parametrize("text", ["1.50", '"1.50"', '"1.5"', "15e-1"])
def test_our_own_parts_may_write_exact_numbers_as_texts(text):
    words = f'"event":"0-0-7","metric":"m","was":{text},"at":"2026-03-02T12:00:00Z","reason":"r"'
    found = read_input(f'{{"type":"correction","user":"a",{words}}}'.encode())
    assert isinstance(found, Correction)
    assert str(found.was) == "1.5"


@pytest.mark.parametrize("text", ['"NaN"', '"sNaN"', '"Infinity"', '"-Infinity"'])
def test_but_none_that_is_not_finite(text):
    words = f'"event":"0-0-7","metric":"m","was":{text},"at":"2026-03-02T12:00:00Z","reason":"r"'
    said = refusal(f'{{"type":"correction","user":"a",{words}}}'.encode())
    assert said == "was: must be a finite number"
    said = refusal(
        f'{{"type":"backfill","user":"a","version":2,"series":{{"m":[1,{text}]}}}}'.encode()
    )
    assert said == "series.m: must be a finite number"


def test_a_number_and_its_record_are_of_one_form():
    for text in ("5.0", "0.10", "1e-10", "999999999999999.5"):
        event = read_input(raw(f',"value":{text}'))
        assert isinstance(event, MetricEvent)
        kept = recorded(event)
        record = Record(RECORD_VERSION, Source(0, 0, 7), None, 0, 1, 1, "ada", kept, lane="lane")
        again = read_record(write_record(record)).input
        assert isinstance(again, RecordedEvent)
        assert again.value is not None
        assert str(again.value) == str(event.value) == str(number(again.value))
