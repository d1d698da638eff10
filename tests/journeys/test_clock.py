"""Time as an input, in a running system: an import, a clock that waits for it, and kill -9."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from journeys.system import wait_until_async

from broker.ledger import LedgerReader, Position
from processor.partition_state import PartitionState
from processor.rows import path_of
from processor.rules.evolve import evolve_record
from processor.rules.user_state import UserState, read_user_state, write_user_state
from processor.store import Store
from schemas.entries import StreakEntry
from schemas.instants import micros

GAME = """
metrics:
  - {key: commits, name: Commits}
streak:
  metrics: [{metric: commits, threshold: 1}]
"""
USERS = 600
PARTITIONS = 4


async def records_of(system):
    """Return the records that count, by partition."""
    positions = {it: Position() for it in range(PARTITIONS)}
    found: dict[int, list[Any]] = {it: [] for it in positions}
    async with LedgerReader(system.connection, system.topics.ledger, positions) as reader:
        while await reader.lag():
            for partition, batch in (await reader.read()).items():
                found[partition] += [record for _offset, record in batch.records]
    return found


def changes(partitions):
    """Count what has become of each user's daily streak."""
    return Counter(
        (record.user, entry.change)
        for records in partitions.values()
        for record in records
        for entry in record.entries
        if isinstance(entry, StreakEntry) and entry.frequency == "daily"
    )


def folded(records):
    """Return the user states that the records come to."""
    states: dict[str, UserState] = {}
    for record in records:
        user = record.user
        if user is not None and record.outcome == "applied":
            states[user] = evolve_record(states.get(user), record)
    return states


async def is_quiet(system):
    """Tell whether nothing more is judged."""
    before = await records_of(system)
    await asyncio.sleep(1)
    return await records_of(system) == before


async def test_streaks_of_an_import_are_lost_once_although_the_worker_is_killed_meanwhile(
    make_system, tmp_path
):
    system = make_system()
    (tmp_path / "game.yaml").write_text(GAME)
    system.xp("apply", str(tmp_path / "game.yaml"))
    days = [(datetime.now(UTC) - timedelta(days=it)).isoformat() for it in (5, 4, 3)]
    events = [
        {"user": f"u{number}", "metric": "commits", "occurredAt": day, "idempotencyKey": day}
        for day in days
        for number in range(USERS)
    ]
    (tmp_path / "events.ndjson").write_text("\n".join(map(json.dumps, events)))
    system.start("worker")
    system.xp("publish", str(tmp_path / "events.ndjson"))

    async def lost():
        found = changes(await records_of(system))
        return sum(change == "lost" for _user, change in found)

    async def some():
        return await lost() > USERS // 4

    async def everyone():
        return await lost() == USERS

    await wait_until_async(some, 60)
    system.kill("worker")
    system.start("worker")
    await wait_until_async(everyone, 60)
    await wait_until_async(lambda: is_quiet(system), 30)
    system.kill("worker")

    records = await records_of(system)
    found = changes(records)
    # The clock waited for the end of the file, and each loss counts once.
    assert set(found.values()) == {1, 2}
    users = [f"u{number}" for number in range(USERS)]
    for change, times in (("started", 1), ("extended", 2), ("lost", 1)):
        assert [found[user, change] for user in users] == [times] * USERS
    for partition, told in records.items():
        store = Store(system.data_dir / "worker" / "0" / str(partition))
        state = PartitionState(store, partition)
        assert state.ledger == len(told)
        for user, own in folded(told).items():
            known = state.users.get(path_of("default", user))
            assert known == read_user_state(write_user_state(own))
        # What is lost cannot be lost again.
        assert state.users.dues.until(micros(datetime.now(UTC) + timedelta(days=999)), 1) == []
        store.close()
