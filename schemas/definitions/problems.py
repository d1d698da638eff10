"""What is wrong with well-formed definitions: the checks that look at a whole set.

In here: keys that are used twice, and fields that have no rule behind them yet. How many there may
be of what is in `counts`, what refers to what in `references`, what contradicts what in
`contradictions`.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from schemas.definitions.contradictions import contradictions
from schemas.definitions.counts import counts
from schemas.definitions.paths import Path, Problem
from schemas.definitions.references import references
from schemas.definitions.whole import Definitions

LATER: Final = "is not supported yet"


def problems(game: Definitions) -> list[Problem]:
    """Return what is wrong with well-formed definitions, taken as a whole."""
    return [
        *counts(game),
        *_duplicates(game),
        *references(game),
        *contradictions(game),
        *_without_rule(game),
    ]


def _duplicates(game: Definitions) -> Iterator[Problem]:
    yield from _twice(("metrics",), [item.key for item in game.metrics])
    yield from _twice(("achievements",), [item.key for item in game.achievements])
    yield from _twice(("points",), [item.key for item in game.points])
    for kind in ("user", "event"):
        keys = [item.key if item.type == kind else None for item in game.attributes]
        yield from _twice(("attributes",), keys)
    for index, system in enumerate(game.points):
        here: Path = ("points", index)
        yield from _twice((*here, "triggers"), [item.key for item in system.triggers])
        yield from _twice((*here, "boosts"), [item.key for item in system.boosts])
        yield from _twice((*here, "levels"), [item.key for item in system.levels])


def _twice(path: Path, keys: Iterable[str | None]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, key in enumerate(keys):
        if key is None:
            continue
        if key in seen:
            yield Problem((*path, index, "key"), f"the key {key!r} is used twice")
        seen.add(key)


def _without_rule(game: Definitions) -> Iterator[Problem]:
    # A field that nothing obeys would be a promise broken in silence: refused until it has a rule.
    if game.settings.controlRatio:
        yield Problem(("settings", "controlRatio"), f"a control group {LATER}")
