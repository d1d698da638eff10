"""A lane that stands still: those who wait for it hold nobody else up."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import suppress

from plumbing.gateway_world import PARTITIONS, World, a_world, version_one

from broker.partitions import partition_of
from schemas.codec import write_version
from schemas.topics import user_key

STUCK, GOES = 0, 1
WAITERS = 40
PATIENCE_S = 30.0


def users(tenant: str, partition: int) -> Iterator[str]:
    """Yield ids of users of a tenant whose events are of a partition."""
    for number in itertools.count():
        user = f"u{number}"
        if partition_of(user_key(tenant, user), PARTITIONS) == partition:
            yield user


async def judge_but(world: World, stuck: int) -> None:
    """Judge what comes, but for one partition: its lane is not there."""
    while True:
        event, partition, offset = await world.next_event()
        if partition != stuck:
            more = {} if event["tenant"] == "default" else {"tenant": event["tenant"]}
            await world.append(world.record(partition, offset, user=event["user"]["id"], **more))


async def test_a_stuck_lane_of_one_tenant_keeps_no_other_from_being_served(stack, database):
    async def acme(world: World) -> None:
        version = write_version(version_one(tenant="acme"))
        await world.producer.send_and_wait(world.topics.definitions, version, partition=0)

    theirs = {"Tenant-ID": "acme"}
    async with a_world(stack, database, before=acme, waiters_max=WAITERS) as world:
        judging = asyncio.create_task(judge_but(world, STUCK))
        # One first: from then on it is known where events go.
        assert (await world.post(user=next(users("default", GOES)))).status_code == 201
        flood = [
            asyncio.create_task(world.post(user=user, headers=theirs))
            for user in itertools.islice(users("acme", STUCK), 3 * WAITERS)
        ]
        async with asyncio.timeout(PATIENCE_S):
            while sum(it.done() for it in flood) < len(flood) - WAITERS // 2:
                await asyncio.sleep(0.01)
        # Those that are left stay.
        done, waiting = await asyncio.wait(flood, timeout=0.5)
        assert {it.result().status_code for it in done} == {503}
        assert len(waiting) == WAITERS // 2
        # Everyone else is answered at once: others, and the same tenant elsewhere.
        others = [
            *(("default", user, {}) for user in itertools.islice(users("default", GOES), 10)),
            *(("acme", user, theirs) for user in itertools.islice(users("acme", GOES), 10)),
        ]
        for _, user, headers in others:
            answer = await asyncio.wait_for(world.post(user=user, headers=headers), 5)
            assert answer.status_code == 201, answer.text
        # Who has to wait for the same lane may wait, too.
        late = asyncio.create_task(world.post(user=next(users("default", STUCK))))
        assert not (await asyncio.wait([late], timeout=0.5))[0]
        for task in (*waiting, late, judging):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
