"""`xp doctor`: what is reachable, how far behind it is, what is wrong and how to mend it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import psycopg
from aiokafka.errors import KafkaError

from broker.topics import check_topics, end_offsets
from gateway import keys
from notifier import endpoints
from ops.addresses import mask
from ops.definitions import definitions
from ops.errors import sentence_of
from ops.settings import Settings
from ops.settings_file import SettingsError
from projections.database import Connection, DatabaseError, connect
from projections.lag import events_behind, ledger_lag
from projections.migrations import check_schema
from projections.set_aside import first_set_aside, set_aside_count


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    found: str
    # How to mend it; empty when there is nothing to mend.
    mend: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything that can be reached; nothing is changed."""
    findings = [finding async for finding in _kafka(settings)]
    findings += [finding async for finding in _postgres(settings)]
    well = {finding.what for finding in findings if finding.ok}
    if {"Topics", "Tables"} <= well:
        findings += [finding async for finding in _lag(settings)]
    findings.append(await _gateway(settings))
    return findings


async def _kafka(settings: Settings) -> AsyncIterator[Finding]:
    try:
        connection = settings.connection()
        found = await check_topics(connection, settings.topics)
    except (SettingsError, KafkaError) as error:
        yield Finding("Kafka", ok=False, found=sentence_of(error), mend="start it, or set XP_KAFKA")
        return
    found_here = f"{connection.bootstrap} answers; clients connect as `xp client-config` prints"
    yield Finding("Kafka", ok=True, found=found_here)
    if found.problems:
        for problem in found.problems:
            yield Finding("Topics", ok=False, found=problem)
        return
    yield Finding("Topics", ok=True, found=f"fit, {found.partitions} partitions")
    async with definitions(connection, settings.topics) as reader:
        heads = {version.tenant: version.version for version in reader.all()}
        unreadable = dict(reader.unreadable)
    listed = ", ".join(f"{tenant}: version {number}" for tenant, number in heads.items())
    yield Finding(
        "Definitions",
        ok=bool(heads),
        found=listed or "none",
        mend="" if heads else "every event is refused until `xp apply FILE`",
    )
    for (tenant, number), reason in unreadable.items():
        found_here = f"{tenant}: version {number} cannot be read: {reason}"
        yield Finding(
            "Definitions",
            ok=False,
            found=found_here,
            mend="run the program that wrote it, or newer",
        )


async def _postgres(settings: Settings) -> AsyncIterator[Finding]:
    try:
        dsn = settings.dsn()
        async with connect(dsn) as connection:
            yield Finding("Postgres", ok=True, found=f"{mask(dsn)} answers")
            await check_schema(connection)
            yield Finding("Tables", ok=True, found="up to date")
            yield await _set_aside(connection)
            live = [key for key in await keys.listed(connection) if key.revoked is None]
            yield Finding(
                "API keys",
                ok=bool(live),
                found=f"{len(live)} in force",
                mend="" if live else "`xp keys create`",
            )
        hooks = await endpoints.webhooks(dsn)
        failed = sum(hook.failed for hook in hooks)
        yield Finding(
            "Webhooks",
            ok=not failed,
            found=f"{len(hooks)}, {sum(hook.pending for hook in hooks)} pending, {failed} given up",
            mend="`xp webhooks list`, then `xp webhooks retry ID`" if failed else "",
        )
    except (SettingsError, DatabaseError, psycopg.Error) as error:
        yield Finding(
            "Postgres", ok=False, found=sentence_of(error), mend="start it, or `xp migrate`"
        )


async def _set_aside(connection: Connection) -> Finding:
    count = await set_aside_count(connection)
    first = [
        f"; the first in partition {it.partition} at {it.ledger_offset}: {it.reason}"
        for it in await first_set_aside(connection, 1)
    ]
    return Finding(
        "Set aside",
        ok=not count,
        found=f"{count:,} records that no table can hold{''.join(first)}" if count else "nothing",
        mend="look at read.set_aside; then, with a program that can store them, "
        "`xp project --rebuild`"
        if count
        else "",
    )


async def _lag(settings: Settings) -> AsyncIterator[Finding]:
    connection, topics, dsn = settings.connection(), settings.topics, settings.dsn()
    async with definitions(connection, topics) as reader:
        epoch = reader.epoch
    unread = await ledger_lag(dsn, connection, topics)
    yield _behind("Projections", unread, "records of the ledger", "is `xp project` running?")
    waiting = await events_behind(dsn, connection, topics, epoch=epoch)
    yield _behind("Worker", waiting, "events", "is `xp worker` running?")
    letters = sum((await end_offsets(connection, topics.dead_letters)).values())
    yield Finding("Dead letters", ok=True, found=f"{letters:,} ever written")


def _behind(what: str, count: int, unit: str, mend: str) -> Finding:
    return Finding(what, ok=not count, found=f"{count:,} {unit} behind", mend=mend if count else "")


async def _gateway(settings: Settings) -> Finding:
    url = f"{settings.gateway()}/readyz"
    elsewhere = "is `xp serve` running? XP_HOST and XP_PORT say where to look"
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.get(url)
    except httpx.TransportError as error:
        return Finding("Gateway", ok=False, found=f"{url}: {error}", mend=elsewhere)
    if answer.is_success:
        return Finding("Gateway", ok=True, found=f"{url} says that it is ready")
    return Finding("Gateway", ok=False, found=f"{url}: {' '.join(answer.text.split())}")
