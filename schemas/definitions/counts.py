"""How many of each there may be in use. What is archived asks nothing of anybody."""

from collections.abc import Iterator, Sequence

from schemas.definitions.fields import Item
from schemas.definitions.limits import FILTERS_MAX, ITEMS_MAX, SYSTEMS_MAX
from schemas.definitions.paths import Path, Problem
from schemas.definitions.whole import Definitions


def counts(game: Definitions) -> Iterator[Problem]:
    """Yield the first item too many of each list, and the first filter too many."""
    yield from _many(("metrics",), "metrics", game.metrics)
    yield from _many(("attributes",), "attributes", game.attributes)
    yield from _many(("achievements",), "achievements", game.achievements)
    yield from _many(("points",), "points systems", game.points, SYSTEMS_MAX)
    for index, system in enumerate(game.points):
        if not system.archived:
            here: Path = ("points", index)
            yield from _many((*here, "triggers"), "triggers", system.triggers)
            yield from _many((*here, "boosts"), "boosts", system.boosts)
            yield from _many((*here, "levels"), "levels", system.levels)
    yield from _filters(game)


def _many(path: Path, word: str, items: Sequence[Item], most: int = ITEMS_MAX) -> Iterator[Problem]:
    live = [index for index, item in enumerate(items) if not item.archived]
    if len(live) > most:
        yield Problem(
            (*path, live[most]), f"there are {len(live)} {word}, and at most {most} may be"
        )


def _filters(game: Definitions) -> Iterator[Problem]:
    seen: dict[str, Path] = {}
    for path, series in game.filters():
        seen.setdefault(series, path)
    if len(seen) > FILTERS_MAX:
        path = [*seen.values()][FILTERS_MAX]
        message = (
            f"there are {len(seen)} different filters of events, and at most {FILTERS_MAX} may be"
        )
        yield Problem((*path, "eventAttributes"), message)
