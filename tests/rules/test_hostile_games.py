"""Definition files that are meant to do harm: refused whole, with the line, within a bound."""

from pathlib import Path
from random import Random

import pytest
from hostile.doors import as_record, try_doors
from hostile.files import HUGE, hostile_file
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.game_file import SHOWN_MAX, GameFileError, game_of, read_game
from ops.game_yaml import BYTES_MAX, DEPTH_MAX, NODES_MAX
from schemas.codec import VERSION_BYTES_MAX, UnreadableVersionError, read_definitions_record
from schemas.definitions.circles import in_circles

NAME = Path("game.yaml")
ALIASES = "anchors and aliases (& and *) are not allowed: write it out"


def refused(text):
    """Return what is wrong with a file."""
    with pytest.raises(GameFileError) as error:
        game_of(text.encode(), NAME)
    return error.value.problems


@settings(max_examples=1000, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**64))
def test_no_hostile_file_gets_past_a_door_or_holds_it_up(seed):
    try_doors(hostile_file(Random(seed), 30_000))


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=200))
def test_no_bytes_get_past_a_door(raw):
    try_doors(raw)


@pytest.mark.parametrize("size", [300_000, 900_000, BYTES_MAX])
@pytest.mark.parametrize("number", range(len(HUGE)))
def test_a_file_as_large_as_it_may_be_is_told_what_is_wrong_within_the_bound(number, size):
    try_doors(HUGE[number](size).encode()[:BYTES_MAX])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # Nine levels of nine each would be 400 million things.
        (HUGE[0](9), 1),
        # Nothing is nested here but what the aliases stand for.
        (HUGE[1](16 * 60_000), 1),
        ("metrics: []\nachievements: &a [*a]", 2),
        ("&a\nmetrics: *a", 1),
        ("metrics: []\nachievements:\n  - {key: a, name: *b}", 3),
        ("metrics:\n  - {key: a, name: A}\n  - {<<: *a, key: b}", 3),
        # One that nobody refers to: it would be the next edit's surprise.
        ("settings: {}\nmetrics: &m []", 2),
    ],
)
def test_aliases_are_refused_where_the_first_stands(text, line):
    assert refused(text) == [(line, f"not YAML: {ALIASES}")]


@pytest.mark.parametrize("unit", ["[", "- ", "? ", "{a: ", "[\n", '{"a":'])
def test_a_hundred_thousand_levels_end_at_the_first_too_deep(unit):
    ((line, said),) = refused(f"a:\n {unit * 100_000}")
    assert said == f"not YAML: nested more than {DEPTH_MAX} deep"
    assert 2 <= line <= DEPTH_MAX + 1


def test_names_and_values_are_counted():
    text = "a:\n" + "- b\n" * NODES_MAX
    assert refused(text) == [(NODES_MAX - 1, f"not YAML: more than {NODES_MAX:,} names and values")]


def test_directives_are_refused():
    assert refused("# a game\n%TAG ! x\n---\nmetrics: []") == [
        (2, "not YAML: directives, lines that begin with %, are not allowed")
    ]


def test_a_file_is_read_no_further_than_it_may_be_large():
    # It has no end.
    with pytest.raises(GameFileError, match="the file has more than 2,097,152 bytes"):
        read_game(Path("/dev/zero"))


def test_of_very_many_problems_the_first_are_shown():
    text = "metrics:\n" + "- {}\n" * 10_000
    with pytest.raises(GameFileError) as error:
        game_of(text.encode(), NAME)
    shown = str(error.value).splitlines()
    assert len(error.value.problems) == 20_000
    assert shown[0] == "game.yaml:2: 'key' is required"
    assert shown[SHOWN_MAX:] == ["game.yaml: and 19,900 more"]


def test_what_a_message_quotes_is_cut():
    ((_, said),) = refused("? " + "a" * 5000 + "\n: 1")
    assert said.startswith("unknown field 'aaa")
    assert len(said) == 500


def test_of_very_many_keys_the_first_are_named():
    metrics = "".join(f"- {{key: m{it:03}, name: m}}\n" for it in range(120))
    ((line, said),) = refused(
        f"metrics:\n{metrics}streak:\n  metrics: [{{metric: x, threshold: 1}}]"
    )
    assert line == 123
    assert said.startswith("there is no metric 'x' (known: m000, m001, ")
    assert said.endswith("m018, m019 and 100 more)")


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefghz"), max_size=3))
)
def test_what_is_a_part_of_itself_is_found_at_any_remove(parts):
    def is_part_of_itself(thing):
        seen, left = set(), list(parts[thing])
        while left:
            part = left.pop()
            if part not in seen:
                seen.add(part)
                left += parts.get(part, [])
        return thing in seen

    assert in_circles(parts) == {it for it in parts if is_part_of_itself(it)}


def test_a_version_larger_than_any_that_is_written_concerns_its_tenant_and_is_not_looked_into():
    junk = b"1," * VERSION_BYTES_MAX
    head = b'{"tenant":"a","version":7,"parent":6,"definitions":{"metrics":['
    with pytest.raises(UnreadableVersionError) as refused_version:
        read_definitions_record(head + junk + b"1]}}")
    assert (refused_version.value.tenant, refused_version.value.version) == ("a", 7)
    assert refused_version.value.reason == "it has 2,000,067 bytes and may have 1,000,000"


def test_what_is_said_of_a_version_is_short_whatever_it_has():
    as_record(
        b'{"tenant":"a","version":1,"definitions":{"achievements":[{"trigger":"%s"}]}}'
        % (b"x" * 900_000)
    )
