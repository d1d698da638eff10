"""The edits of F18 lead from one valid game to another, and leave alone what others count on."""

import copy
from random import Random

from faults.edits import edited
from faults.game import AGE, FOUNDED, GAME, founded

from schemas.definitions import Definitions, problems
from schemas.versions import succeed


def test_every_game_that_edits_come_to_is_valid() -> None:
    game, version = copy.deepcopy(GAME), founded()
    for number in range(150):
        assert edited(Random(number), game, str(number))
        definitions = Definitions.model_validate(game)
        assert problems(definitions) == []
        version = succeed(version, definitions, "default", FOUNDED)
    assert version.version == 151
    assert version.stamps[f"{AGE}/days"].activated == FOUNDED
    assert game["streak"]["metrics"][0] == GAME["streak"]["metrics"][0]


def test_some_edits_ask_of_the_past_and_some_do_not() -> None:
    asked = set()
    for number in range(40):
        game = copy.deepcopy(GAME)
        edited(Random(number), game, str(number))
        later = succeed(founded(), Definitions.model_validate(game), "default", FOUNDED)
        asked.add(later.backfill)
    assert asked == {True, False}
