"""Whatever is put into a field: it is refused with its place, or can be judged by and read back."""

import json
import os
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from wild import EVERYTHING, PATHS, VALUES, changed

from ops.game_file import GameFileError, read_game
from processor.rules.compiling import compile_version
from schemas.codec import read_definitions_record, read_version, write_version
from schemas.definitions import Definitions, path_of, problems
from schemas.versions import succeed

EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "40"))
AT = datetime(2026, 3, 2, tzinfo=UTC)

wild = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def check(game, path):
    """Read a game that has been changed at a path, and hold it against what is promised."""
    try:
        definitions = Definitions.model_validate(game)
    except ValidationError as error:
        places = [".".join(map(str, path_of(it["loc"]))) for it in error.errors()]
        # An item that is of another kind asks for other fields, beside the one that was changed.
        item = path.rpartition(".")[0]
        assert places
        assert all(place and place.startswith(item) for place in places), places
        return None
    version = succeed(None, definitions, "default", AT)
    compile_version(version)
    raw = write_version(version)
    assert read_version(raw) == version
    assert read_definitions_record(raw) == version
    found = problems(definitions)
    assert all(path and message for path, message in found)
    return definitions


def test_the_game_with_every_field_is_one():
    definitions = check(EVERYTHING, "")
    assert definitions is not None
    assert problems(definitions) == []


def test_the_game_with_every_field_has_every_field():
    told = {path.rpartition(".")[2] for path in PATHS if not path.rpartition(".")[2].isdigit()}
    known = set()
    models = [Definitions.model_json_schema(), *Definitions.model_json_schema()["$defs"].values()]
    for model in models:
        known |= model["properties"].keys()
    assert known - told == {"archived"}


@pytest.mark.parametrize("path", PATHS)
@wild
@given(value=VALUES)
def test_whatever_is_put_into_a_field_is_refused_with_its_place_or_works(path, value):
    check(changed(path, value), path)


SNIPPETS = st.one_of(
    st.text("0123456789._-+eE:,[]{}&*!|>'\"#%@~ \\xu\0", max_size=12),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from(
        [
            *("1_000", "010", "0x1f", "1:30:00", "1e999999999", "1e9999999999", "-.inf", ".NaN"),
            *("yes", "null", "~", "2026-13-45", "!!int x", "!!set {a}", "&a [*a]", "<<: 1", "*b"),
            *('"\\0"', '"\\ud800"', '"\\U0010ffff"', "0." + "3" * 99, "9" * 99, "9" * 5000, "- 1"),
        ]
    ),
)


@settings(wild, max_examples=25 * EXAMPLES)
@given(path=st.sampled_from(PATHS), snippet=SNIPPETS)
def test_whatever_a_file_has_in_a_place_is_refused_with_a_line_or_works(tmp_path, path, snippet):
    file = tmp_path / "game.yaml"
    text = json.dumps(changed(path, "@"), indent=1).replace('"@"', snippet)
    file.write_text(text, encoding="utf-8")
    problems_found = []
    try:
        version = succeed(None, read_game(file), "default", AT)
        assert read_version(write_version(version)) == version
        compile_version(version)
    except GameFileError as error:
        problems_found = error.problems
    assert all(1 <= line <= text.count("\n") + 1 for line, _ in problems_found)
