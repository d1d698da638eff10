"""Definition files: what is wrong with one is said with its line, all of it at once."""

import pytest

from ops.game_file import GameFileError, read_game


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
