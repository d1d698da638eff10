"""Edits of definitions: what becomes of the items of a request, in the definitions and in words."""

import pytest
from plumbing.gateway_world import GAME, RICH

from contract.admin.drafts import Draft, Step, carried_out
from contract.collections import (
    ACHIEVEMENTS,
    ATTRIBUTES,
    METRICS,
    SYSTEMS,
    boosts_of,
    levels_of,
    system_by_id,
    triggers_of,
)
from contract.errors import RefusedItemError, UnknownItemError
from schemas.definitions import Definitions, Level, Metric, id_of

RICH_GAME = Definitions.model_validate(RICH)
LEVELS = levels_of("xp")


def level(key, points):
    return Level(key=key, name=key, points=points)


def adding(*items):
    def step(item):
        def do(draft):
            draft.add(LEVELS, item)
            return item.key

        return Step({"id": item.key}, do)

    return [step(item) for item in items]


@pytest.mark.parametrize(
    "collection",
    [
        METRICS,
        ATTRIBUTES,
        ACHIEVEMENTS,
        SYSTEMS,
        triggers_of("xp"),
        boosts_of("xp"),
        levels_of("xp"),
    ],
    ids=lambda it: it.word,
)
def test_every_collection_finds_its_items_by_their_ids_and_archives_them(collection):
    for item in collection.in_use(RICH_GAME):
        draft = Draft("acme", RICH_GAME, careful=False)
        assert draft.find(collection, collection.id_of("acme", item)) == item
        draft.archive(collection, item)
        left = [it.key for it in collection.in_use(RICH_GAME) if it is not item]
        assert [it.key for it in collection.in_use(draft.game)] == left
        # What is not in the collection is as it was.
        rest = collection.with_items(draft.game, collection.items(RICH_GAME))
        assert rest == RICH_GAME
        with pytest.raises(RefusedItemError, match="not found by ID"):
            draft.find(collection, collection.id_of("acme", item))


def test_ids_are_those_of_the_definitions():
    assert METRICS.id_of("acme", RICH_GAME.metrics[0]) == id_of("acme", "metrics", "commits")
    assert ATTRIBUTES.id_of("acme", RICH_GAME.attributes[0]) == id_of(
        "acme", "attributes", "user", "team"
    )
    gold = level("gold", 7)
    assert LEVELS.id_of("acme", gold) == id_of("acme", "points", "xp", "levels", "gold")


def test_steps_that_fit_are_all_done():
    game, outcome = carried_out("acme", RICH_GAME, adding(level("gold", 60), level("top", 70)))
    assert outcome == (["gold", "top"], [])
    assert [it.key for it in LEVELS.in_use(game)] == ["bronze", "silver", "gold", "top"]
    assert len(LEVELS.in_use(RICH_GAME)) == 2


def test_of_steps_that_do_not_fit_those_are_done_that_do():
    steps = adding(level("gold", 60), level("same", 60), level("top", 70), level("top", 80))
    game, outcome = carried_out("acme", RICH_GAME, steps)
    assert outcome.done == ["gold", "top"]
    assert [(it["id"], it["severity"]) for it in outcome.issues] == [
        ("same", "error"),
        ("top", "error"),
    ]
    assert outcome.issues[1]["message"] == "Key already in use by another level"
    assert [it.key for it in LEVELS.in_use(game)] == ["bronze", "silver", "gold", "top"]


def test_what_does_not_fit_from_before_is_no_steps_fault():
    # A metric that is referred to is gone: no request could have done that.
    metrics = [it.model_copy(update={"archived": True}) for it in RICH_GAME.metrics]
    broken = RICH_GAME.model_copy(update={"metrics": metrics})
    _, outcome = carried_out("acme", broken, adding(level("gold", 60)))
    assert outcome == (["gold"], [])


def test_an_item_takes_the_place_of_one_that_was_archived_under_its_key():
    draft = Draft("acme", RICH_GAME)
    draft.archive(LEVELS, draft.find(LEVELS, LEVELS.id_of("acme", level("silver", 0))))
    draft.add(LEVELS, level("silver", 90))
    assert [(it.key, it.points, it.archived) for it in LEVELS.items(draft.game)] == [
        ("bronze", 0, False),
        ("silver", 90, False),
    ]


def test_an_item_at_the_top_is_changed_as_one_within_a_system_is():
    game = Definitions.model_validate(GAME)
    draft = Draft("acme", game)
    draft.add(METRICS, Metric(key="steps", name="Steps"))
    draft.replace(METRICS, Metric(key="reviews", name="Looks"))
    assert [it.name for it in METRICS.in_use(draft.game)] == ["Commits", "Looks", "Steps"]


def test_a_points_system_is_found_by_its_id_while_it_is_in_use():
    wanted = id_of("acme", "points", "xp")
    assert system_by_id("acme", RICH_GAME, wanted).key == "xp"
    draft = Draft("acme", RICH_GAME, careful=False)
    draft.archive(SYSTEMS, RICH_GAME.points[0])
    with pytest.raises(UnknownItemError):
        system_by_id("acme", draft.game, wanted)
