"""YAML as definition files have it: what looks like a number is one, and nothing else is."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.game_file import GameFileError, read_game
from ops.game_yaml import NotYamlError, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("1.50", Decimal("1.50")),
        (".5", Decimal("0.5")),
        ("1e3", Decimal(1000)),
        ("0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
        # What YAML 1.1 makes other numbers, dates and truths of is the text that it looks like.
        ("010", "010"),
        ("0x10", "0x10"),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2026-01-31", "2026-01-31"),
        ("2026-13-45", "2026-13-45"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("off", "off"),
        ("=", "="),
        ("<<", "<<"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("!!str 5", "5"),
        ("'5'", "5"),
        ('"\\0"', "\0"),
    ],
)
def test_what_a_scalar_is(text, value):
    _, raw = read_yaml(f"a: {text}")
    assert raw == {"a": value}
    assert type(raw["a"]) is type(value)


def test_what_is_not_finite_is_a_number_for_somebody_else_to_refuse():
    _, raw = read_yaml("[.inf, -.INF, .nan]")
    assert str(raw) == "[Decimal('Infinity'), Decimal('-Infinity'), Decimal('NaN')]"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: [", 2, "did not find expected"),
        ("a: 1\nb: \0", 2, "U+0000 is not allowed"),
        ('a: 1\nb: "\\ud800"', 2, "invalid Unicode"),
        ("a: 1\nb: !!int x", 2, "the tag 'tag:yaml.org,2002:int' is not known here"),
        ("a: 1\nb: !!set {c}", 2, "the tag 'tag:yaml.org,2002:set' is not known here"),
        ("a: 1\nb: !!binary aGk=", 2, "is not known here"),
        ("a: 1\nb: !!python/object:os.system 1", 2, "is not known here"),
        ("a: 1\nb: " + "9" * 5000, 2, "a number of 5000 characters"),
        ("a: 1\nb: 0." + "9" * 5000, 2, "a number of 5002 characters"),
        ("a: 1\n? [c]\n: 2", 2, "unhashable"),
        ("a: 1\nb: *c", 2, "anchors and aliases"),
        ("a: 1\nb: &c 2", 2, "anchors and aliases"),
        ("a: 1\n%TAG ! x", 2, "directives"),
        ("--- a\n--- b", 2, "another document"),
        ("a: 1\nb: " + "[" * 300_000, 2, "nested more than 32 deep"),
        ("\n".join(f"{' ' * it}a:" for it in range(40)), 33, "nested more than 32 deep"),
    ],
)
def test_what_is_no_yaml_says_where(text, line, said):
    with pytest.raises(NotYamlError, match=said.replace("+", r"\+")) as refused:
        read_yaml(text)
    assert refused.value.line == line


TEXTS = st.one_of(
    st.sampled_from("[]{}:,-&*!|>'\"#%@`?<= \n\ta10.eE_~"), st.characters(codec="utf-8")
)


@given(st.text(TEXTS))
def test_every_text_is_read_or_refused(text):
    line = 1
    try:
        read_yaml(text)
    except NotYamlError as error:
        line = error.line
    assert 1 <= line <= text.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "points:\n  - {key: p, name: P, maxPoints: 1_000}",
            "2: maxPoints: must be a whole number",
        ),
        ("points:\n  - {key: p, name: P, maxPoints: 010}", "2: maxPoints: must be a whole number"),
        ("points:\n  - {key: p, name: P, maxPoints: 1:30}", "2: maxPoints: must be a whole number"),
        ("streak:\n  enabled: yes", "2: enabled: must be true or false"),
        ("metrics:\n  - {key: a, name: 5}", "2: name: must be a text: put it in quotes"),
        ("metrics:\n  - key: a\n    name: true", "3: name: must be a text: put it in quotes"),
        ("metrics: &a\n  - *a", "1: not YAML: anchors and aliases"),
        ("metrics:\n  - {key: a, name: A}\n<<: {streak: {}}", "3: unknown field '<<'"),
        ("metrics:\n  - {key: a, name: A, archived: true}", "2: unknown field 'archived'"),
        ("5: 1", "1: "),
    ],
)
def test_the_surprises_of_yaml_are_refused_with_the_line(tmp_path, text, said):
    file = tmp_path / "game.yaml"
    file.write_text(text)
    with pytest.raises(GameFileError) as refused:
        read_game(file)
    assert f"{file}:{said}" in str(refused.value)


def test_what_looks_like_another_type_may_be_a_name(tmp_path):
    file = tmp_path / "game.yaml"
    file.write_text("metrics:\n  - {key: no, name: 1:30}\n  - {key: off, name: 2026-01-31}")
    found = [(it.key, it.name) for it in read_game(file).metrics]
    assert found == [("no", "1:30"), ("off", "2026-01-31")]


def test_a_file_that_is_not_utf_8_says_where(tmp_path):
    file = tmp_path / "game.yaml"
    file.write_bytes(b"metrics:\n  - {key: a, name: \xe4}\n")
    with pytest.raises(GameFileError, match="2: not YAML: this is not UTF-8 text"):
        read_game(file)
