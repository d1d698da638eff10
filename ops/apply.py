"""Put a definition file in force, and say what it changes. The way onto the log is broker.apply."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from broker.apply import Change, next_version, put_in_force
from broker.connection import Connection
from ops.definitions import definitions
from schemas.definitions import Definitions, Item, PointsSystem
from schemas.topics import Topics

# What a points system was before it was there.
NOTHING: Final = PointsSystem(key="nothing", name="nothing")


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did, or, dry, would do."""

    tenant: str
    version: int
    changes: tuple[str, ...]
    # Whether the version has each user visited for what it asks of the past.
    backfill: bool = False


async def apply_game(
    connection: Connection, topics: Topics, game: Definitions, *, tenant: str, dry_run: bool = False
) -> Applied:
    """Put definitions in force and return what changed; the same definitions change nothing.

    Run again after a crash it finishes what was begun: markers may be repeated, they count once.
    Raises OvertakenError when another version came in between, UnreadableVersionError when the
    newest one cannot be read, VersionTooLargeError for one that does not fit into a record, and
    KafkaError when Kafka is away.
    """
    async with definitions(connection, topics) as reader:
        now = datetime.now(UTC)
        made = next_version(reader, tenant, lambda _head: game, now)
        if not dry_run:
            await put_in_force(connection, topics, reader, made.version)
        return applied_by(made)


def applied_by(made: Change) -> Applied:
    """Say what a version changes."""
    before = made.before.definitions if made.before else Definitions()
    version = made.version
    return Applied(
        version.tenant,
        version.version,
        tuple(describe(before, version.definitions)),
        backfill=version.backfill and made.is_news,
    )


def describe(old: Definitions, new: Definitions) -> Iterator[str]:
    """Return a line for each thing that is new, changed or archived."""
    if old.settings != new.settings:
        yield "~ settings"
    if old.streak != new.streak:
        yield "~ streak"
    yield from _items("metric", old.metrics, new.metrics)
    for kind in ("user", "event"):
        before = [item for item in old.attributes if item.type == kind]
        after = [item for item in new.attributes if item.type == kind]
        yield from _items(f"{kind} attribute", before, after)
    yield from _items("achievement", old.achievements, new.achievements)
    yield from _items("points system", old.points, new.points)
    systems = {system.key: system for system in old.points}
    for system in new.points:
        was = systems.get(system.key) or NOTHING
        yield from _items(f"{system.key} trigger", was.triggers, system.triggers)
        yield from _items(f"{system.key} boost", was.boosts, system.boosts)
        yield from _items(f"{system.key} level", was.levels, system.levels)


def _items(word: str, old: Iterable[Item], new: Iterable[Item]) -> Iterator[str]:
    before = {item.key: item for item in old}
    for item in new:
        known = before.get(item.key)
        if item.archived:
            if known is not None and not known.archived:
                yield f"- {word} {item.key} (archived)"
        elif known is None or known.archived:
            yield f"+ {word} {item.key}"
        elif _own(known) != _own(item):
            yield f"~ {word} {item.key}"


def _own(item: Item) -> dict[str, object]:
    # A system's parts are compared one by one.
    return item.model_dump(exclude={"triggers", "boosts", "levels"})
