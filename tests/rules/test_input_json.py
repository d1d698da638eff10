"""JSON of inputs: names that come twice, nesting, and what ends too early or too late."""

import pytest
from wording.raw import raw, refusal

from schemas.inputs import Due, MetricEvent
from schemas.inputs.reading import read_input


@pytest.mark.parametrize(
    ("bytes_", "last"),
    [
        (raw(',"value":1,"value":2'), {"value": 2}),
        (raw(',"value":"x","value":2'), {"value": 2}),
        (raw(',"value":1.5,"value":2'), {"value": 2}),
        (raw(',"user":"","user":"b"'), {"user": "b"}),
        (raw(',"metric":"a b","metric":"m"'), {"metric": "m"}),
        (raw(',"attributes":{"k":"1","k":"2"}'), {"attributes": {"k": "2"}}),
        (raw(',"type":"due","type":"metric"'), {"metric": "commits"}),
        (raw(',"occurredAt":"x","occurredAt":null'), {"occurredAt": None}),
    ],
)
def test_of_a_name_that_comes_twice_the_last_counts(bytes_, last):
    found = read_input(bytes_)
    assert isinstance(found, MetricEvent)
    assert {name: getattr(found, name) for name in last} == last


def test_also_where_the_last_is_wrong():
    assert refusal(raw(',"value":1,"value":"2"')) == "value: must be a number"
    assert refusal(raw(',"user":""')) == "user: must not be empty"
    assert refusal(raw(',"type":"metric","type":"due"')).startswith("metric: unknown field")
    both = b'{"type":"metric","user":"a","user":"b","type":"due","at":"2026-03-02T12:00:00Z"}'
    assert read_input(both) == Due(user="b", at="2026-03-02T12:00:00Z")


def test_what_is_nested_however_deeply_is_refused_and_breaks_nothing():
    deep = "not JSON that can be read: it is nested too deeply"
    for depth in (9, 99, *range(850, 1010, 3), 9000):
        for opened, inner, closed in (("[", "", "]"), ('{"a":', "1", "}")):
            nested = opened * depth + inner + closed * depth
            assert refusal(raw(f',"x":{nested}')) in ("x: unknown field", deep)
            said = refusal(raw(f',"attributes":{{"a":{nested}}}'))
            assert said == deep or said.startswith("attributes.a: must be a text, not a")
    assert refusal(b"[" * 60_000) == refusal(b'{"a":' * 10_000) == deep


@pytest.mark.parametrize("bytes_", [b"", b" ", b"{", b'{"user":"a"', raw("") + b"x", raw("") * 2])
def test_what_ends_too_early_or_too_late_is_no_json(bytes_):
    assert refusal(bytes_).startswith("not JSON: ")


def test_white_space_around_it_is_fine():
    assert read_input(b" \n\t" + raw("") + b"\r\n") == MetricEvent("ada", "commits")


@pytest.mark.parametrize("kind", ["null", "7", "true", "{}", "[]", '"Metric"', '"metrics"'])
def test_a_type_that_there_is_not_is_told(kind):
    assert refusal(raw(f',"type":{kind}')).startswith("type: ")


@pytest.mark.parametrize("text", ["2026-3-2", "2026-02-30", "2026-03-02T00:00:00Z", "02.03.2026"])
def test_a_date_is_a_date(text):
    words = '"id":"p","end":"2026-03-02"'
    said = refusal(f'{{"type":"pause","user":"a","start":"{text}",{words}}}'.encode())
    assert said == "start: must be a date, such as 2026-03-02"


def test_a_name_of_a_zone_that_is_far_too_long_is_not_told_back():
    said = refusal(raw("").replace(b'"ada"', b'{"id":"ada","tz":"' + b"a/" * 30_000 + b'a"}'))
    assert said == "user.tz: must have at most 100 characters"
