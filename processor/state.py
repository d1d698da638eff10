"""The state of one partition as a fold of its ledger: in memory for now, in the store for later.

What has been judged but not yet acknowledged is held in memory only; `keep` moves it to the store
together with the position, `drop` forgets it. No rules and no I/O but the store's.

Rows of the store, by the first byte of their key: `s` tenant NUL user: the user's standing as JSON.
`k` and 16 bytes of hash: the first use of an idempotency key, or of a forwarded event's position,
in 3 to 12 bytes (`pack_use`). `m`: the partition's position and versions.
"""

from collections import OrderedDict
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Final, TypedDict, cast

import orjson

from broker.ledger import Position
from processor.rules.standing import Standing, evolve_record
from processor.store import Store
from schemas.codec import event_id, read_event_id
from schemas.entries import Record
from schemas.order import Link, link_of

STANDING: Final = b"s"
KEY: Final = b"k"
META: Final = b"m"
KEYS_END: Final = b"l"

# For the standings of users who were there a moment ago, in JSON bytes; as Python objects they take
# some ten times as much.
HOT_BYTES: Final = 16 * 1024 * 1024

# Days are counted from here, in 15 bits: up to the year 2109.
FIRST_DAY: Final = date(2020, 1, 1).toordinal()
DAYS_MAX: Final = 0x7FFF
# Set in a row of an event that was first found in another partition or epoch.
ELSEWHERE: Final = 0x8000


class Meta(TypedDict):
    """A partition's row about itself."""

    # Offset of the next ledger record; offset and link of the last one applied.
    ledger: int
    applied: int
    last: tuple[int, int, str] | None
    # Append time of the event of the last record applied, and the latest day among all.
    appended: str
    day: str
    # Tenant -> version of the definitions in force.
    versions: dict[str, int]


class HotRoom:
    """How much memory the hot users of all partitions of one worker may take."""

    def __init__(self, size: int = HOT_BYTES) -> None:
        """Set `size` bytes of JSON apart, to be shared evenly."""
        self._size = size
        self.shares = 0

    def users(self, standing_bytes: int) -> int:
        """Return how many users of this size one partition may keep hot."""
        return max(1, self._size // max(1, self.shares) // max(1, standing_bytes))


def key_hash(tenant: str, user: str, metric: str, key: str) -> bytes:
    """Return the 16 bytes under which the use of an idempotency key is kept (semantics 1.2)."""
    # Lengths keep "a" + "bc" apart from "ab" + "c".
    text = f"{len(tenant)}:{tenant}{len(user)}:{user}{len(metric)}:{metric}{key}"
    return blake2b(text.encode(), digest_size=16).digest()


def origin_hash(origin: str) -> bytes:
    """Return the 16 bytes under which a forwarded event's first position is kept."""
    return blake2b(origin.encode(), digest_size=16, person=b"xp-origin").digest()


def pack_use(event: tuple[int, int, int], day: int, partition: int) -> bytes:
    """Return the row of a first use: the day of it and where the event was first found.

    `event` is that place: epoch, partition, offset; `partition` is the one that keeps the row.
    """
    epoch, found, offset = event
    size = (offset.bit_length() + 7) // 8
    if epoch == 0 and found == partition:
        return day.to_bytes(2, "big") + offset.to_bytes(size, "big")
    where = epoch.to_bytes(3, "big") + found.to_bytes(3, "big")
    return (day | ELSEWHERE).to_bytes(2, "big") + where + offset.to_bytes(size, "big")


def read_use(raw: bytes, partition: int) -> tuple[str, int]:
    """Return the event id and the day of a first use."""
    head = int.from_bytes(raw[:2], "big")
    if head & ELSEWHERE:
        epoch, found = int.from_bytes(raw[2:5], "big"), int.from_bytes(raw[5:8], "big")
        event = event_id(epoch, found, int.from_bytes(raw[8:], "big"))
        return event, head & DAYS_MAX
    return event_id(0, partition, int.from_bytes(raw[2:], "big")), head


@lru_cache(maxsize=1024)
def day_number(day: str) -> int:
    """Return the number of a date, as first uses have it."""
    return min(max(date.fromisoformat(day).toordinal() - FIRST_DAY, 0), DAYS_MAX)


class PartitionState:
    """What is known of one partition: standings, used keys, versions in force, position."""

    def __init__(
        self,
        store: Store,
        partition: int,
        *,
        key_window_days: int | None = None,
        room: HotRoom | None = None,
    ) -> None:
        """Load the position that the store has; the rows are read when they are asked for.

        A key counts as used for `key_window_days` after its first use, None: for ever. Raises
        StoreError, as does all that reads or writes here.
        """
        self._store = store
        self._partition = partition
        self._window = key_window_days
        self._room = room or HotRoom()
        self._hot_max = self._room.users(1024)
        # As JSON: read anew it lies close together, and takes an eighth of the room.
        self._hot: OrderedDict[bytes, bytes] = OrderedDict()
        self._standings: dict[bytes, Standing] = {}
        self._keys: dict[bytes, bytes] = {}
        self._swept = KEY
        self._load()

    def _load(self) -> None:
        raw = self._store.get(META)
        meta = cast(Meta, orjson.loads(raw)) if raw else None
        self.ledger = meta["ledger"] if meta else 0
        self.applied = meta["applied"] if meta else 0
        self.last = Link(*meta["last"]) if meta and meta["last"] else None
        self.appended = meta["appended"] if meta else ""
        self.versions = dict(meta["versions"]) if meta else {}
        self._day = meta["day"] if meta else ""
        self._kept_day = self._day

    @property
    def position(self) -> Position:
        """Where the fold stands in the ledger partition."""
        return Position(self.ledger, self.last)

    def next_source(self, epoch: int) -> int:
        """Return the offset of the event that is due next, in an epoch."""
        if self.last is None or self.last.epoch < epoch:
            return 0
        return self.last.offset + 1

    def standing(self, tenant: str, user: str) -> Standing | None:
        """Return a user's standing, None for one who is not known."""
        key = _user_row(tenant, user)
        found = self._standings.get(key)
        if found is not None:
            return found
        raw = self._hot.get(key)
        if raw is None:
            raw = self._store.get(STANDING + key)
            if raw is None:
                return None
            self._warm(key, raw)
        return cast(Standing, orjson.loads(raw))

    def first_use(self, digest: bytes, appended: datetime | None = None) -> str | None:
        """Return the id of the event that used a key first, None if none has.

        `appended`, the append time of the event that asks, lets the window end. What decides is the
        latest day of append times on the ledger, this event's included: no clock, so that whoever
        judges the same log comes to the same answer, and nothing that ended is used again.
        """
        raw = self._keys.get(digest)
        if raw is None:
            raw = self._store.get(KEY + digest)
            if raw is None:
                return None
        event, day = read_use(raw, self._partition)
        if self._window is not None and appended is not None:
            own = appended.astimezone(UTC).date().isoformat()
            if day_number(max(own, self._day)) - day > self._window:
                return None
        return event

    def apply(self, record: Record, standing: Standing | None = None) -> None:
        """Take a record that is next in the chain; `standing` saves the fold when it is known."""
        self.last = link_of(record)
        self.appended = appended = record["appended"]
        # Not max(): this is done for every event.
        if appended[:10] > self._day:  # noqa: PLR1730  as said
            self._day = appended[:10]
        epoch, partition, offset = record["source"]
        tenant, user = record["tenant"], record["user"]
        found: tuple[int, int, int] | None = (epoch, partition, offset)
        if record["id"] != event_id(epoch, partition, offset):
            found = read_event_id(record["id"])
            self._keys.setdefault(origin_hash(record["id"]), self._use(found))
        if record["outcome"] != "applied":
            return
        for entry in record["entries"]:
            if entry["kind"] == "definitions":
                self.versions[tenant] = entry["version"]
        if user is None:
            return
        key = _user_row(tenant, user)
        if standing is None:
            standing = evolve_record(self.standing(tenant, user), record)
        self._standings[key] = standing
        told = record["input"]
        if "key" in record and told is not None:
            digest = key_hash(tenant, user, told["metric"], record["key"])
            self._keys[digest] = self._use(found)

    def _use(self, found: tuple[int, int, int] | None) -> bytes:
        return pack_use(found or (0, 0, 0), day_number(self._day), self._partition)

    def keep(self, ledger: int, applied: int | None = None) -> None:
        """Store what was applied, together with the ledger offset that follows it.

        `applied` is the ledger offset of the last record applied, None: the one before `ledger`.
        """
        self.ledger = ledger
        self.applied = ledger - 1 if applied is None else applied
        standings = {key: orjson.dumps(it) for key, it in self._standings.items()}
        rows = {STANDING + key: raw for key, raw in standings.items()}
        size = sum(map(len, standings.values()))
        for digest, use in self._keys.items():
            rows[KEY + digest] = use
        meta: Meta = {
            "ledger": ledger,
            "applied": self.applied,
            "last": (*self.last,) if self.last else None,
            "appended": self.appended,
            "day": self._day,
            "versions": self.versions,
        }
        rows[META] = orjson.dumps(meta)
        self._store.write(rows)
        self._kept_day = self._day
        if self._standings:
            self._hot_max = self._room.users(size // len(self._standings))
        for key, raw in standings.items():
            self._warm(key, raw)
        self._standings = {}
        self._keys = {}

    def drop(self) -> None:
        """Forget what was applied since the last `keep`: go on from what the store has."""
        self._standings = {}
        self._keys = {}
        self._hot.clear()
        self._load()

    def reset(self) -> None:
        """Throw the store's rows away: the ledger is folded from record zero."""
        self._store.clear()
        self.drop()

    def sweep(self, rows_max: int) -> int:
        """Delete keys whose window has ended, among the next rows; return how many.

        Only saves room: `first_use` knows that they have ended. Goes around, a piece at a time.
        """
        if self._window is None or not self._kept_day:
            return 0
        today = day_number(self._kept_day)
        rows = [it for it in self._store.scan(self._swept, rows_max) if it[0] < KEYS_END]
        self._swept = rows[-1][0] + b"\0" if len(rows) == rows_max else KEY
        gone = [
            key for key, raw in rows if today - read_use(raw, self._partition)[1] > self._window
        ]
        if gone:
            self._store.write({}, gone)
        return len(gone)

    def _warm(self, key: bytes, raw: bytes) -> None:
        hot = self._hot
        hot[key] = raw
        hot.move_to_end(key)
        while len(hot) > self._hot_max:
            hot.popitem(last=False)


def _user_row(tenant: str, user: str) -> bytes:
    # A tenant's key holds no NUL, and no user id does either.
    return f"{tenant}\0{user}".encode()
