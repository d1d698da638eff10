"""Put a definition file in force, and say what it changes. The way onto the log is broker.apply."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from broker.apply import OvertakenError, put_in_force, raise_epoch
from broker.connection import Connection
from broker.definitions import DefinitionsReader
from schemas.definitions import Definitions, Item
from schemas.topics import Topics
from schemas.versions import Version, succeed

__all__ = ["Applied", "OvertakenError", "apply_game", "describe", "raise_epoch"]


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
    Raises OvertakenError when another version came in between, KafkaError when Kafka is away.
    """
    async with DefinitionsReader(connection, topics.definitions) as reader:
        head = reader.head(tenant)
        version = succeed(head, game, tenant, datetime.now(UTC))
        if head is not None and head.definitions == version.definitions:
            version = head
        applied = applied_after(head, version)
        if dry_run:
            return applied
        await put_in_force(connection, topics, reader, version)
        return applied


def applied_after(head: Version | None, version: Version) -> Applied:
    """Say what a version changes that follows `head`, or is it."""
    before = head.definitions if head else Definitions()
    return Applied(
        version.tenant,
        version.version,
        tuple(describe(before, version.definitions)),
        backfill=version.backfill and version is not head,
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
        before_system = systems.get(system.key)
        for word, name in (("trigger", "triggers"), ("boost", "boosts"), ("level", "levels")):
            before_items = getattr(before_system, name) if before_system else []
            yield from _items(f"{system.key} {word}", before_items, getattr(system, name))


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
    # A system's parts are told one by one.
    return item.model_dump(exclude={"triggers", "boosts", "levels"})
