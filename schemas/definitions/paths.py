"""Where in definitions something is, and what is wrong there."""

from collections.abc import Iterator
from typing import Final, NamedTuple

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """Something wrong with definitions: where, as a path of names and indexes, and what."""

    path: Path
    message: str


# Lists of items of several kinds: there pydantic puts the kind between the index and the field.
_UNIONS: Final = ("achievements", "triggers")


def path_of(place: Path) -> Path:
    """Return the path of a place that pydantic names: without the kinds of items."""
    return tuple(_steps(place))


def _steps(place: Path) -> Iterator[str | int]:
    for at, step in enumerate(place):
        behind = place[at - 2 : at] if at > 1 else ()
        if not (behind and behind[0] in _UNIONS and isinstance(behind[1], int)):
            yield step
