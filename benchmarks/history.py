"""A long ledger, made quickly: a real worker judges some events, and their records are copied.

Each copy of the history belongs to users of its own, who belong in the partition where they stand,
and every record has an idempotency key of its own: readers find as many users and keys as in a
ledger that was judged event by event. Afterwards the epoch of the events is raised, so that they
begin at offset 0 and none of those that the ledger tells of need be there.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from benchmarks.bench import Bench
from benchmarks.events import reference, user_name
from benchmarks.kafka import BATCHES_IN_FLIGHT
from benchmarks.system import Part, System
from broker.apply import raise_epoch
from broker.connection import Connection, start_consumer
from broker.partitions import partition_of
from processor.announcer import write_link
from processor.ledger import ledger_producer
from schemas.order import Link

TEMPLATE_EVENTS: Final = 50_000
TEMPLATE_USERS: Final = 5_000
LANE: Final = "history"
# Stand-ins for what differs from copy to copy; no judged record has them by itself.
OFFSET: Final = 9_007_199_254_740_881
BEFORE: Final = 9_007_199_254_740_847
USER: Final = "@@user@@"
KEY: Final = "@@key@@"
WRITERS: Final = 2
JUDGE_S: Final = 300.0
WRITE_S: Final = 3600.0


class Shape(NamedTuple):
    """What a history is to be like."""

    records: int
    # Only the first event of each user is copied: as many users as records.
    first_events: bool = False
    # So many copies of the users at most: beyond, the same users go on with new keys and no effect.
    copies_max: int = 1_000_000


async def templates(bench: Bench) -> Path:
    """Return a directory with the judged records to copy, one file per partition; made once."""
    home = bench.scratch / "templates"
    if home.exists():
        return home
    lines = reference(min(TEMPLATE_EVENTS, bench.count(10 * TEMPLATE_EVENTS)), TEMPLATE_USERS)
    bench.say(f"judging {len(lines):,} events, to copy their records")
    async with bench.system("templates") as system, bench.ends() as ends:
        await system.publish(lines)
        part = await system.start("worker")
        await system.wait_judged(ends, system.unjudged, patience_s=JUDGE_S)
        await system.stop(part)
        by_partition = await _read(system)
    draft = bench.scratch / "templates.new"
    draft.mkdir()
    for partition, records in by_partition.items():
        (draft / str(partition)).write_bytes(b"\n".join(records))
    draft.rename(home)
    return home


async def _read(system: System) -> dict[int, list[bytes]]:
    tps = [TopicPartition(system.topics.ledger, number) for number in range(system.partitions)]
    consumer = AIOKafkaConsumer(
        **system.connection.options(), auto_offset_reset="earliest", max_poll_records=5000
    )
    await start_consumer(consumer)
    found: dict[int, list[bytes]] = {tp.partition: [] for tp in tps}
    try:
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for tp, messages in (await consumer.getmany(timeout_ms=500)).items():
                found[tp.partition] += [message.value for message in messages]
    finally:
        await consumer.stop()
    return found


async def write_history(bench: Bench, system: System, shape: Shape) -> None:
    """Write a history onto a system's empty ledger; no worker may run.

    The system's game must be reference.yaml, or have the same metrics under other rules.
    """
    home = await templates(bench)
    bench.say(f"writing {shape.records:,} records")
    parts = []
    for writer in range(WRITERS):
        partitions = [n for n in range(system.partitions) if n % WRITERS == writer]
        job = {
            "bootstrap": system.connection.bootstrap,
            "topic": system.topics.ledger,
            "home": str(home),
            "mine": partitions,
            "partitions": system.partitions,
            "shape": shape._asdict(),
        }
        log = system.home / f"writer-{writer}.log"
        command = [sys.executable, "-m", "benchmarks.history", json.dumps(job)]
        parts.append(await Part.start("history writer", command, log, system.environment()))
    try:
        async with asyncio.timeout(WRITE_S):
            await asyncio.gather(*(part.process.wait() for part in parts))
    finally:
        await asyncio.gather(*(part.stop() for part in parts))
    for part in parts:
        if part.process.returncode:
            part.check()
    await raise_epoch(system.connection, system.topics)
    async with bench.ends() as ends:
        found = await ends.by_partition(system.topics.ledger)
    if sum(found.values()) != shape.records:
        raise RuntimeError(f"{sum(found.values())} records were written, not {shape.records}")
    await _stand_at_end(system, found)


async def _stand_at_end(system: System, ends: dict[int, int]) -> None:
    """Have the worker announce nothing of what was copied."""
    consumer = AIOKafkaConsumer(
        **system.connection.options(),
        group_id=f"{system.topics.prefix}worker",
        enable_auto_commit=False,
    )
    await start_consumer(consumer)
    try:
        tps = {TopicPartition(system.topics.ledger, n): end for n, end in ends.items()}
        consumer.assign(list(tps))
        await consumer.commit(
            {
                tp: OffsetAndMetadata(end, write_link(Link(0, end - 1, LANE)))
                for tp, end in tps.items()
            }
        )
    finally:
        await consumer.stop()


def history_users(shape: Shape, home: Path, partitions: int, most: int) -> list[bytes]:
    """Return up to `most` of the users of a history, taken evenly from all copies."""
    users: list[bytes] = []
    for partition in range(partitions):
        made = _Copies((home / str(partition)).read_bytes(), partition, partitions, shape)
        share = _share(shape.records, partition, partitions) - 1
        known = made.users_of(share)
        users += known[:: max(1, len(known) * partitions // most)]
    return users


class _Copies:
    """The records of one partition, ready to be copied."""

    def __init__(self, raw: bytes, partition: int, partitions: int, shape: Shape) -> None:
        records = [orjson.loads(line) for line in raw.split(b"\n")]
        self.marker = records[0]
        if "user" in self.marker:
            raise ValueError("a ledger begins with the marker of its game")
        self._shape = shape
        self._names = _Names(partition, partitions)
        seen: dict[str, int] = {}
        # (number of the user, record with stand-ins, the same without effects)
        self.rows: list[tuple[int, bytes, bytes]] = []
        for record in records[1:]:
            new = record["user"] not in seen
            number = seen.setdefault(record["user"], len(seen))
            if record.get("outcome", "applied") != "applied" or (shape.first_events and not new):
                continue
            self.rows.append((number, *_with_stand_ins(record, partition)))
        self.users = len(seen)

    def users_of(self, records: int) -> list[bytes]:
        """Return the users whom so many records name."""
        copies = min(-(-records // len(self.rows)), self._shape.copies_max)
        return [self._names[number] for number in range(min(copies * self.users, records))]

    def first(self, partition: int) -> bytes:
        """Return the marker's record, as the first of its partition."""
        record = self.marker | {"source": [0, partition, 0], "after": None, "lane": LANE}
        return orjson.dumps(record)

    def record(self, offset: int) -> tuple[bytes, bytes]:
        """Return (key, value) of the record at an offset above 0."""
        copy, at = divmod(offset - 1, len(self.rows))
        number, effective, idle = self.rows[at]
        template = effective
        if copy >= self._shape.copies_max:
            copy, template = copy % self._shape.copies_max, idle
        user = self._names[copy * self.users + number]
        return user, template % (offset, offset - 1, user, offset)


class _Names:
    """Users who belong in a partition, by number; found as they are asked for."""

    def __init__(self, partition: int, partitions: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self._found: list[bytes] = []
        self._next = 0

    def __getitem__(self, number: int) -> bytes:
        while number >= len(self._found):
            name = user_name(self._next).encode()
            self._next += 1
            if partition_of(name, self._partitions) == self._partition:
                self._found.append(name)
        return self._found[number]


def _with_stand_ins(record: dict[str, object], partition: int) -> tuple[bytes, bytes]:
    changed = record | {
        "source": [0, partition, OFFSET],
        "after": [0, BEFORE, LANE],
        "user": USER,
        "key": KEY,
    }
    # Its lane is that of the record before it, and its event was found where it stands.
    effective = {name: it for name, it in changed.items() if name not in ("lane", "id")}
    idle = {name: it for name, it in effective.items() if name not in ("entries", "state")}
    return _pattern(effective), _pattern(idle)


def _pattern(record: dict[str, object]) -> bytes:
    raw = orjson.dumps(record).replace(b"%", b"%%")
    for stand_in, place in (
        (str(OFFSET).encode(), b"%d"),
        (str(BEFORE).encode(), b"%d"),
        (USER.encode(), b"%b"),
        (KEY.encode(), b"h%d"),
    ):
        raw = raw.replace(stand_in, place)
    # What is put in comes in this order.
    wanted = [b'"source":', b'"after":', b'"user":', b'"key":']
    places = [raw.index(name) for name in wanted]
    if places != sorted(places) or raw.replace(b"%%", b"").count(b"%") != len(wanted):
        raise ValueError(f"a record is not laid out as it was: {raw[:300]!r}")
    return raw


def _share(records: int, partition: int, partitions: int) -> int:
    return records // partitions + (partition < records % partitions)


async def _write(job: dict[str, object]) -> None:
    connection = Connection(str(job["bootstrap"]))
    shape = Shape(**job["shape"])  # type: ignore[arg-type]  # it was made by _asdict
    mine: Sequence[int] = job["mine"]  # type: ignore[assignment]  # likewise from JSON
    partitions = int(str(job["partitions"]))
    async with ledger_producer(connection) as client:
        for partition in mine:
            raw = (Path(str(job["home"])) / str(partition)).read_bytes()
            copies = _Copies(raw, partition, partitions, shape)
            share = _share(shape.records, partition, partitions)
            await _write_partition(client, str(job["topic"]), partition, copies, share)


async def _write_partition(
    client: AIOKafkaProducer, topic: str, partition: int, copies: _Copies, share: int
) -> None:
    await client.send_and_wait(topic, copies.first(partition), key=b"default", partition=partition)
    flying = []
    offset = 1
    while offset < share:
        builder = client.create_batch()
        while offset < share:
            key, value = copies.record(offset)
            if builder.append(key=key, value=value, timestamp=None) is None:
                break
            offset += 1
        flying.append(await client.send_batch(builder, topic, partition=partition))
        if len(flying) == BATCHES_IN_FLIGHT:
            await asyncio.gather(*flying)
            flying = []
    await asyncio.gather(*flying)


if __name__ == "__main__":
    uvloop.run(_write(json.loads(sys.argv[1])))
