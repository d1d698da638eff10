"""Which things are parts of themselves: what takes no longer than there are parts, and no more."""

from collections.abc import Iterator, Mapping, Sequence


def in_circles(parts: Mapping[str, Sequence[str]]) -> set[str]:
    """Return what is a part of itself, at whatever remove, of a map of things to their parts.

    A part that is no thing of the map has no parts. Kosaraju's algorithm.
    """
    wholes: dict[str, list[str]] = {}
    for thing, its in parts.items():
        for part in its:
            wholes.setdefault(part, []).append(thing)
    found = {thing for thing, its in parts.items() if thing in its}
    done: set[str] = set()
    for thing in reversed(_parts_first(parts)):
        # All that is reached backwards from here, and not from earlier ones, is in one circle.
        circle = [*_reached(thing, wholes, done)]
        if len(circle) > 1:
            found.update(circle)
    return found


def _parts_first(parts: Mapping[str, Sequence[str]]) -> list[str]:
    """Return all things, each behind what is reached from it, circles apart."""
    order: list[str] = []
    seen: set[str] = set()
    for start in parts:
        # Without recursion: a chain may have a thousand links.
        below = [(start, iter((start,)))]
        while below:
            thing, left = below[-1]
            part = next((it for it in left if it not in seen), None)
            if part is None:
                below.pop()
                if below:
                    order.append(thing)
            else:
                seen.add(part)
                below.append((part, iter(parts.get(part, ()))))
    return order


def _reached(start: str, ways: Mapping[str, Sequence[str]], done: set[str]) -> Iterator[str]:
    left = [start]
    while left:
        thing = left.pop()
        if thing not in done:
            done.add(thing)
            yield thing
            left += ways.get(thing, ())
