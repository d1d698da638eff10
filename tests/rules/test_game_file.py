"""Definition files: what is wrong with one is said with its line, all of it at once."""

import codecs
from pathlib import Path

import pytest

from ops.game_file import GameFileError, read_game

# A boost whose first date follows, in line 6.
BOOST = "points:\n- key: xp\n  name: XP\n  boosts:\n\n  - {key: b, name: B, multiplier: 2, start: "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metrics:\n  - {key: a, name: A, colour: red}", "2: unknown field 'colour'"),
        ("metrics:\n  - {key: a, name: A}\n  - {key: a, name: B}", "3: the key 'a' is used twice"),
        ("metrics:\n  - {key: a, name: A}\nmetrics: []", "3: the field 'metrics' is given twice"),
        ("streak:\n  metrics:\n    - {metric: b, threshold: 1}", "3: there is no metric 'b'"),
        (
            "metrics:\n  - {key: a, name: A}\nstreak:\n  metrics:\n    - {metric: a, threshold: 0}",
            "5: threshold: must be greater than 0",
        ),
        (
            "streak:\n  maxFreezes: 1\n  initialFreezes: 2",
            "3: more freezes than maxFreezes (1) allows",
        ),
        ("metrics: [", "not YAML"),
        (f"{BOOST}2026-13-01}}", "6: start: Input should be a valid date or datetime, month value"),
        (f"{BOOST}2026-01-01 25:00:00}}", "6: start: must be a date such as 2026-01-31"),
        ("a: !!timestamp soon", "1: not YAML: the tag 'tag:yaml.org,2002:timestamp' is not known"),
        ("a: 1\nb: !!int many", "2: not YAML: the tag 'tag:yaml.org,2002:int' is not known"),
        ("a: !!float x", "1: not YAML: the tag 'tag:yaml.org,2002:float' is not known"),
        ("a: !!bool x", "1: not YAML: the tag 'tag:yaml.org,2002:bool' is not known"),
        (f"a: {'9' * 5000}", "1: not YAML: a number of 5000 characters"),
        ("a: 1\nmetrics: &m [*m]", "2: not YAML: anchors and aliases (& and *) are not allowed"),
        ("a: 1\nb: " + "[" * 60, "2: not YAML: nested more than 32 deep"),
        ("metrics: []\n\0", "2: not YAML: the character U+0000 is not allowed"),
        ("metrics:\n  - {key: a, name: 1}", "2: name: must be a text: put it in quotes"),
        ("achievements:\n  - {key: a, name: A}", "2: 'trigger' is required"),
        (
            "achievements:\n  - key: a\n    name: A\n    trigger: magic",
            "4: trigger: must be one of 'metric', 'streak', 'api', 'achievement', not 'magic'",
        ),
    ],
)
def test_a_wrong_file_is_refused_whole_with_the_line(tmp_path, text, said):
    file = tmp_path / "game.yaml"
    file.write_text(text)
    with pytest.raises(GameFileError) as refused:
        read_game(file)
    assert f"{file}:" in str(refused.value)
    assert said in str(refused.value)


def test_all_problems_of_a_file_are_told_in_the_order_of_its_lines(tmp_path):
    file = tmp_path / "game.yaml"
    file.write_text("metrics:\n  - {key: a}\n  - {key: b, name: B, x: 1}\n")
    with pytest.raises(GameFileError) as refused:
        read_game(file)
    assert refused.value.problems == [(2, "'name' is required"), (3, "unknown field 'x'")]


@pytest.mark.parametrize("start", ["soon", "2026-1-1", "2026-01-01T10:00:00Z", "[]", "true"])
def test_what_is_no_date_is_told_what_a_date_looks_like(tmp_path, start):
    boost = f"{{key: a, name: A, multiplier: 2,\n         start: {start}}}"
    file = tmp_path / "game.yaml"
    file.write_text(f"points:\n  - key: xp\n    name: XP\n    boosts:\n      - {boost}\n")
    with pytest.raises(GameFileError) as refused:
        read_game(file)
    assert refused.value.problems == [(6, "start: must be a date such as 2026-01-31")]


def test_what_is_no_text_is_said_with_file_and_line(tmp_path):
    file = tmp_path / "game.yaml"
    file.write_bytes(b"metrics: []\n\xff\n")
    with pytest.raises(GameFileError) as refused:
        read_game(file)
    assert refused.value.problems == [(2, "not YAML: this is not UTF-8 text")]
    file.write_bytes(codecs.BOM_UTF16_LE + "metrics: []".encode("utf-16-le"))
    with pytest.raises(GameFileError, match=r"game\.yaml:1: the file is in UTF-16"):
        read_game(file)


def test_a_byte_order_mark_before_a_game_says_nothing(tmp_path):
    file = tmp_path / "game.yaml"
    file.write_bytes(codecs.BOM_UTF8 + b"metrics:\n  - {key: a, name: A}\n")
    assert [metric.key for metric in read_game(file).metrics] == ["a"]


def test_a_file_that_cannot_be_read_is_named():
    # It can be opened; reading its first byte fails.
    with pytest.raises(OSError, match="/proc/self/mem"):
        read_game(Path("/proc/self/mem"))
