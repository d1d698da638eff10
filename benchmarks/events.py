"""The events of a benchmark: the same for every run, users by Zipf's law."""

import json
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random

SEED = 20_260_101
START = datetime(2026, 1, 1, tzinfo=UTC)


def backlog(events: int, users: int) -> list[tuple[bytes, bytes]]:
    """Return (key, value) of metric events for examples/commits.yaml, over ninety days."""
    dice = Random(SEED)  # reproducible, not secret
    weights = list(accumulate(1 / (rank + 1) for rank in range(users)))
    chosen = dice.choices(range(users), cum_weights=weights, k=events)
    step = timedelta(days=90) / events
    lines = []
    for number, user in enumerate(chosen):
        commits = number % 2 == 0
        name = f"user-{user}"
        event = {
            "user": name,
            "metric": "commits" if commits else "lines-changed",
            "value": 1 if commits else dice.randint(1, 400),
            "attributes": {"kind": "merge" if dice.random() < 0.1 else "commit"},
            "occurredAt": (START + number * step).isoformat(),
            "idempotencyKey": f"k{number}",
        }
        lines.append((name.encode(), json.dumps(event).encode()))
    return lines
