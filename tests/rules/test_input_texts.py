"""Texts of inputs: UTF-8 that every store has room for, and keys that are keys to their end."""

import pytest
from wording.raw import raw, refusal

from schemas.inputs import MetricEvent
from schemas.inputs.reading import read_input


@pytest.mark.parametrize(
    "bytes_",
    [
        b'{"user":"\xff","metric":"commits"}',
        b'{"\xff":1}',
        # A surrogate, half a pair of them, NUL and a slash in forms that are none.
        b'{"user":"\xed\xa0\x80","metric":"commits"}',
        b'{"user":"\xed\xa0\xbd\xed\xb8\x80","metric":"commits"}',
        b'{"user":"\xc0\x80","metric":"commits"}',
        b'{"user":"\xc0\xaf","metric":"commits"}',
        b'{"user":"\xf4\x90\x80\x80","metric":"commits"}',
        b'{"user":"a","metric":"commits","attributes":{"k":"\xe9"}}',
        b'\xef\xbb\xbf{"user":"a","metric":"commits"}',
        '{"user":"a","metric":"commits"}'.encode("utf-16"),
        # A control character that must be escaped.
        b'{"user":"a\x00","metric":"commits"}',
        b'{"user":"a\nb","metric":"commits"}',
    ],
)
def test_what_is_not_utf_8_is_no_json(bytes_):
    assert refusal(bytes_).startswith("not JSON: ")


@pytest.mark.parametrize("half", ["\\ud800", "\\udc00", "\\udbff", "x\\ud83d", "\\ude00\\ud83d"])
@pytest.mark.parametrize(
    "form",
    [
        '{"user":"HALF","metric":"commits"}',
        '{"user":{"id":"a","attributes":{"k":"HALF"}},"metric":"commits"}',
        '{"user":"a","metric":"commits","attributes":{"HALF":"x"}}',
        '{"user":"a","metric":"commits","idempotencyKey":"HALF"}',
        '{"type":"due","user":"HALF","at":"2026-03-02T12:00:00Z"}',
        '{"type":"pause","user":"a","id":"HALF","start":"2026-03-02","end":"2026-03-02"}',
    ],
)
def test_half_of_a_surrogate_pair_is_refused(form, half):
    assert refusal(form.replace("HALF", half).encode()).startswith("not JSON: ")


def test_a_whole_surrogate_pair_is_a_character():
    event = read_input(b'{"user":"\\ud83d\\ude00","metric":"commits"}')
    assert isinstance(event, MetricEvent)
    assert event.user == "\U0001f600"


@pytest.mark.parametrize(
    ("form", "place"),
    [
        ('{"user":"NUL","metric":"commits"}', "user"),
        ('{"user":{"id":"NUL"},"metric":"commits"}', "user.id"),
        ('{"user":{"id":"a","name":"NUL"},"metric":"commits"}', "user.name"),
        ('{"user":{"id":"a","tz":"NUL"},"metric":"commits"}', "user.tz"),
        ('{"user":"a","metric":"commits","attributes":{"k":"NUL"}}', "attributes.k"),
        ('{"user":"a","metric":"commits","idempotencyKey":"NUL"}', "idempotencyKey"),
        ('{"type":"due","user":"NUL","at":"2026-03-02T12:00:00Z"}', "user"),
        (
            '{"type":"due","user":"a","idempotencyKey":"NUL","at":"2026-03-02T12:00:00Z"}',
            "idempotencyKey",
        ),
        (
            '{"type":"adjustment","user":"a","system":"xp","points":1,"reason":"NUL"}',
            "reason",
        ),
    ],
)
def test_an_escaped_nul_is_refused_and_one_that_is_escaped_twice_is_a_text(form, place):
    for nul in ("\\u0000", "x\\u0000y", "\\\\\\u0000"):
        said = refusal(form.replace("NUL", nul).encode())
        assert f"{place}: must not contain the character U+0000" in said
    if place != "user.tz":
        read_input(form.replace("NUL", "\\\\u0000").encode())


def test_the_name_of_a_field_may_hold_neither():
    said = refusal(raw(',"attributes":{"a\\u0000":"x"}'))
    assert said == "attributes.a\\0: must not contain the character U+0000"
    assert refusal(raw(',"a\\u0000":"x"')).startswith("a\\0: must not contain")


@pytest.mark.parametrize(
    ("bytes_", "field"),
    [
        (b'{"user":"a","metric":"m\\n"}', "metric"),
        (b'{"user":"a","metric":"m","tenant":"t\\n"}', "tenant"),
        (b'{"type":"achievement","user":"a","achievement":"a\\n"}', "achievement"),
        (
            b'{"type":"adjustment","user":"a","system":"xp\\n","points":1,"reason":"r"}',
            "system",
        ),
        (
            (
                b'{"type":"correction","user":"a","event":"0-0-7\\n","metric":"m","was":1,'
                b'"at":"2026-03-02T12:00:00Z","reason":"r"}'
            ),
            "event",
        ),
        (
            (
                b'{"type":"boost","system":"xp","boost":"b\\n","change":"started",'
                b'"at":"2026-03-02T12:00:00Z"}'
            ),
            "boost",
        ),
        (
            (
                b'{"type":"preferences","user":"a","streak":{"metrics":[{"metric":"m\\n",'
                b'"threshold":1}]}}'
            ),
            "streak.metrics.0.metric",
        ),
        (b'{"type":"hold","on":true,"tenant":"t\\n"}', "tenant"),
    ],
)
def test_a_key_with_a_newline_at_its_end_is_none(bytes_, field):
    assert refusal(bytes_).startswith(f"{field}: must ")
    read_input(bytes_.replace(b"\\n", b""))
