"""The events of the benchmarks: the same for every run, users by Zipf's law. No I/O."""

from collections.abc import Iterable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import orjson
import yaml

from broker.partitions import partition_of

SEED: Final = 20_260_101
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
SPAN: Final = timedelta(days=90)
HERE: Final = Path(__file__).resolve().parent
REFERENCE: Final = HERE / "reference.yaml"
SMALL: Final = HERE / "small.yaml"

METRICS: Final = ("lessons", "minutes", "reviews")
SUBJECTS: Final = ("maths", "reading", "music", "history", "sport")


class Line(NamedTuple):
    """One event as a producer sends it."""

    key: bytes
    value: bytes


def reference(
    events: int, users: int, *, run: str = "", games: int = 1, dated: bool = True
) -> list[Line]:
    """Return events for reference.yaml, each with an idempotency key of its own.

    `run` keeps the keys of one call apart from another's. `games`: over so many copies of the three
    metrics (`enlarged`). Not `dated`, an event happens when the broker has it.
    """
    dice = Random(f"{SEED}{run}")
    step = SPAN / events
    lines = []
    for number, user in enumerate(zipf(dice, users, events)):
        metric = dice.choices(METRICS, (5, 3, 2))[0]
        event: dict[str, object] = {
            "user": user_name(user),
            "metric": metric if games == 1 else f"{metric}-{number % games}",
            "value": dice.randint(1, 45) if metric == "minutes" else 1,
            "attributes": {"subject": dice.choice(SUBJECTS)},
            "idempotencyKey": f"{run}k{number}",
        }
        if dated:
            event["occurredAt"] = (START + number * step).isoformat()
        lines.append(Line(user_name(user).encode(), orjson.dumps(event)))
    return lines


def backlog(events: int, users: int) -> list[Line]:
    """Return events for small.yaml and its peers, each with an idempotency key of its own."""
    dice = Random(SEED)
    step = SPAN / events
    lines = []
    for number, user in enumerate(zipf(dice, users, events)):
        event = {
            "user": user_name(user),
            "metric": "lines-changed",
            "value": dice.randint(1, 400),
            "attributes": {"kind": "merge" if dice.random() < 0.1 else "commit"},
            "occurredAt": (START + number * step).isoformat(),
            "idempotencyKey": f"k{number}",
        }
        lines.append(Line(user_name(user).encode(), orjson.dumps(event)))
    return lines


def evenly(users: Iterable[bytes], run: str) -> list[Line]:
    """Return one event for reference.yaml of each of these users, in this order."""
    lines = []
    for number, user in enumerate(users):
        event = {
            "user": user.decode(),
            "metric": METRICS[number % 3],
            "value": 1,
            "attributes": {"subject": SUBJECTS[number % 5]},
            "idempotencyKey": f"{run}k{number}",
        }
        lines.append(Line(user, orjson.dumps(event)))
    return lines


def one_per_partition(partitions: int, run: str) -> list[Line]:
    """Return one event for each partition, of a user that belongs there."""
    found: dict[int, bytes] = {}
    number = 0
    while len(found) < partitions:
        name = user_name(number).encode()
        found.setdefault(partition_of(name, partitions), name)
        number += 1
    return evenly(found.values(), run)


def user_name(number: int) -> str:
    """Return the id of the n-th user."""
    return f"user-{number}"


def enlarged(times: int) -> str:
    """Return reference.yaml as the text of a game with so many times its rules.

    Everything about a metric is there once per copy of the metric; what the streak leads to is
    repeated for longer streaks. User creation and the streak itself are there once in any game.
    """
    game = yaml.safe_load(REFERENCE.read_text())
    copies = range(times)

    def copied(item: dict[str, object], copy: int) -> dict[str, object]:
        # What copies share would be written as aliases, which no definition file may have.
        made = deepcopy(item) | {"key": f"{item['key']}-{copy}"}
        for name in ("metric", "achievement"):
            if name in item:
                made[name] = f"{item[name]}-{copy}"
        if isinstance(length := item.get("streakLength"), int):
            made["streakLength"] = length * (copy + 1)
        if isinstance(points := item.get("points"), int) and "type" not in item:
            made["points"] = points * times + copy
        return made

    def all_copies(items: list[dict[str, object]]) -> list[dict[str, object]]:
        once = [item for item in items if item.get("type") == "user_creation"]
        many = [item for item in items if item.get("type") != "user_creation"]
        return once + [copied(item, copy) for item in many for copy in copies]

    game["metrics"] = all_copies(game["metrics"])
    game["achievements"] = all_copies(game["achievements"])
    game["streak"]["metrics"] = [
        condition | {"metric": f"{condition['metric']}-{copy}"}
        for condition in game["streak"]["metrics"]
        for copy in copies
    ]
    for system in game["points"]:
        system["triggers"] = all_copies(system["triggers"])
        system["levels"] = all_copies(system["levels"])
    return yaml.safe_dump(game, sort_keys=False)


def zipf(dice: Random, users: int, events: int) -> list[int]:
    """Return users by number, the n-th with weight 1/n."""
    weights = list(accumulate(1 / (rank + 1) for rank in range(users)))
    return dice.choices(range(users), cum_weights=weights, k=events)
