"""The state of one partition as a fold of its ledger: in memory for now, in the store for later.

What has been judged but not yet acknowledged is held in memory only; `keep` moves it to the store
together with the position, `drop` forgets it. No rules and no I/O but the store's.

Rows of the store, by the first byte of their key: `s` tenant NUL user: the user's standing as JSON.
`k` and 16 bytes of hash: the first use of an idempotency key, or of a forwarded event's position,
in 3 to 12 bytes (`pack_use`). `c` and 16 bytes of hash: the value that a corrected event has come
to. `d` and 8 bytes of time, tenant NUL user: when time itself will next do something to the user
(`due_row`). `m`: the partition's position, versions, and what else is of the whole partition.
"""

from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple, TypedDict, cast

import orjson

from broker.ledger import Position
from processor.rules.standing import Standing, evolve_record
from processor.store import Store
from schemas.codec import event_id, read_event_id
from schemas.entries import Input, Record
from schemas.order import Link, link_of

STANDING: Final = b"s"
KEY: Final = b"k"
CORRECTED: Final = b"c"
DUE: Final = b"d"
META: Final = b"m"
KEYS_END: Final = b"l"

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
TIME_BYTES: Final = 8
# Added, so that instants before 1970 come first among bytes too.
TIME_SHIFT: Final = 2**63
# An event is an old one, of an import, when it happened so long before it was appended.
OLD: Final = timedelta(hours=1)

# For the standings of users who were there a moment ago, in JSON bytes; as Python objects they take
# some ten times as much.
HOT_BYTES: Final = 16 * 1024 * 1024

# Days are counted from here, in 15 bits: up to the year 2109.
FIRST_DAY: Final = date(2020, 1, 1).toordinal()
DAYS_MAX: Final = 0x7FFF
# Set in a row of an event that was first found in another partition or epoch.
ELSEWHERE: Final = 0x8000


class Hold(NamedTuple):
    """Whether old events are coming, for which the clock waits."""

    on: bool
    # Append time of the input that said so, or of the last old event since; empty for none.
    since: str


class Told(NamedTuple):
    """The last that was told of a boost of everyone."""

    change: str
    # The instant that had fallen due.
    at: str


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
    # Tenant -> the last version whose backfill every user of the partition has got.
    backfilled: dict[str, int]
    # Tenant -> system/boost -> what was told of it (`Told`).
    told: dict[str, dict[str, tuple[str, str]]]
    hold: tuple[bool, str]


class HotRoom:
    """How much memory the hot users of all partitions of one worker may take."""

    def __init__(self, size: int = HOT_BYTES) -> None:
        """Set `size` bytes of JSON apart, to be shared evenly."""
        self._size = size
        self.shares = 0

    def users(self, standing_bytes: int) -> int:
        """Return how many users of this size one partition may keep hot."""
        return max(1, self._size // max(1, self.shares) // max(1, standing_bytes))


def scope_of(told: Input) -> str:
    """Return what an idempotency key is unique in, for one user: the metric, or the kind of input.

    The colon keeps a kind apart from a metric of that name.
    """
    return f":{told['type']}" if "type" in told else told["metric"]


def key_hash(tenant: str, user: str, scope: str, key: str) -> bytes:
    """Return the 16 bytes under which the use of an idempotency key is kept (semantics 1.2)."""
    # Lengths keep "a" + "bc" apart from "ab" + "c".
    text = f"{len(tenant)}:{tenant}{len(user)}:{user}{len(scope)}:{scope}{key}"
    return blake2b(text.encode(), digest_size=16).digest()


def origin_hash(origin: str) -> bytes:
    """Return the 16 bytes under which a forwarded event's first position is kept."""
    return blake2b(origin.encode(), digest_size=16, person=b"xp-origin").digest()


def corrected_hash(tenant: str, user: str, event: str) -> bytes:
    """Return the 16 bytes under which the value of a corrected event is kept."""
    text = f"{len(tenant)}:{tenant}{len(user)}:{user}{event}"
    return blake2b(text.encode(), digest_size=16, person=b"xp-corrected").digest()


@lru_cache(maxsize=4096)
def time_bytes(at: str) -> bytes:
    """Return an instant as bytes that sort as time does, rounded up to milliseconds."""
    return _bytes_of(-((EPOCH - datetime.fromisoformat(at)) // MILLISECOND))


def due_row(at: str, user_row: bytes) -> bytes:
    """Return the key of the row that says when a user falls due."""
    return DUE + time_bytes(at) + user_row


def _bytes_of(millis: int) -> bytes:
    return (millis + TIME_SHIFT).to_bytes(TIME_BYTES, "big")


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
        self._corrected: dict[bytes, str] = {}
        # When those in `_standings` fell due as of the store, None: never.
        self._dues: dict[bytes, str | None] = {}
        # The same of the user who was read last: who is judged next.
        self._read: tuple[bytes, str | None] = (b"", None)
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
        self.backfilled = dict(meta["backfilled"]) if meta else {}
        told = meta["told"] if meta else {}
        self.told = {
            tenant: {path: Told(*it) for path, it in boosts.items()}
            for tenant, boosts in told.items()
        }
        self.hold = Hold(*meta["hold"]) if meta else Hold(on=False, since="")
        # No row of what falls due lies before it: those that were worked off leave a trail of
        # deleted rows, which would have to be passed at every look.
        self._dues_begin = DUE

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
                self._read = key, None
                return None
            self._warm(key, raw)
        standing = cast(Standing, orjson.loads(raw))
        self._read = key, standing.get("due")
        return standing

    def corrected(self, tenant: str, user: str, event: str) -> Decimal | None:
        """Return the value that an event has come to, None if it was never corrected."""
        digest = corrected_hash(tenant, user, event)
        text = self._corrected.get(digest)
        if text is None:
            raw = self._store.get(CORRECTED + digest)
            if raw is None:
                return None
            text = raw.decode()
        return Decimal(text)

    def due(self, before: datetime, limit: int) -> list[tuple[str, str, str]]:
        """Return up to `limit` users for whom something falls due until `before`, earliest first.

        Each as instant, tenant and user. Only what is stored counts.
        """
        stop = DUE + _bytes_of((before - EPOCH) // MILLISECOND + 1)
        rows = self._store.scan(self._dues_begin, limit, stop)
        self._dues_begin = rows[0][0] if rows else max(self._dues_begin, stop)
        found = []
        for key, at in rows:
            tenant, user = key[len(DUE) + TIME_BYTES :].decode().split("\0")
            found.append((at.decode(), tenant, user))
        return found

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
        if self.hold.on and _is_old(record):
            self.hold = Hold(on=True, since=appended)
        if record["outcome"] != "applied":
            return
        if user is None:
            self._take(record)
            return
        key = _user_row(tenant, user)
        if standing is None:
            standing = evolve_record(self.standing(tenant, user), record)
        if key not in self._standings:
            self._dues[key] = self._read[1] if self._read[0] == key else self._due_of(key)
        self._standings[key] = standing
        # Only what could not be read has none.
        told = cast(Input, record["input"])
        if "type" in told:
            self._take_corrections(tenant, user, record)
        if "key" in record:
            digest = key_hash(tenant, user, scope_of(told), record["key"])
            self._keys[digest] = self._use(found)

    def _take_corrections(self, tenant: str, user: str, record: Record) -> None:
        for entry in record["entries"]:
            if entry["kind"] == "correction":
                digest = corrected_hash(tenant, user, entry["event"])
                self._corrected[digest] = entry["after"]

    def _take(self, record: Record) -> None:
        """Take what is of the whole partition."""
        tenant = record["tenant"]
        for entry in record["entries"]:
            match entry["kind"]:
                case "definitions":
                    self.versions[tenant] = entry["version"]
                case "backfilled":
                    known = self.backfilled.get(tenant, 0)
                    self.backfilled[tenant] = max(known, entry["version"])
                case "boost":
                    path = f"{entry['system']}/{entry['boost']}"
                    told = Told(entry["change"], record["at"])
                    self.told.setdefault(tenant, {})[path] = told
                case "hold":
                    self.hold = Hold(on=entry["on"], since=record["appended"])
                case _:
                    # Of a user.
                    raise AssertionError(entry["kind"])

    def _due_of(self, key: bytes) -> str | None:
        raw = self._store.get(STANDING + key)
        return orjson.loads(raw).get("due") if raw else None

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
        for digest, value in self._corrected.items():
            rows[CORRECTED + digest] = value.encode()
        gone = self._move_dues(rows)
        meta: Meta = {
            "ledger": ledger,
            "applied": self.applied,
            "last": (*self.last,) if self.last else None,
            "appended": self.appended,
            "day": self._day,
            "versions": self.versions,
            "backfilled": self.backfilled,
            "told": {
                tenant: {path: (*it,) for path, it in boosts.items()}
                for tenant, boosts in self.told.items()
            },
            "hold": (*self.hold,),
        }
        rows[META] = orjson.dumps(meta)
        self._store.write(rows, gone)
        self._kept_day = self._day
        if self._standings:
            self._hot_max = self._room.users(size // len(self._standings))
        for key, raw in standings.items():
            self._warm(key, raw)
        self._forget()

    def _move_dues(self, rows: dict[bytes, bytes]) -> list[bytes]:
        """Add the rows of what now falls due to `rows`; return those that are gone."""
        gone = []
        for key, standing in self._standings.items():
            before, now = self._dues[key], standing.get("due")
            if before == now:
                continue
            if before is not None:
                gone.append(due_row(before, key))
            if now is not None:
                row = due_row(now, key)
                rows[row] = now.encode()
                self._dues_begin = min(self._dues_begin, row)
        return gone

    def _forget(self) -> None:
        self._standings = {}
        self._keys = {}
        self._corrected = {}
        self._dues = {}
        self._read = b"", None

    def drop(self) -> None:
        """Forget what was applied since the last `keep`: go on from what the store has."""
        self._forget()
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


def _is_old(record: Record) -> bool:
    """Tell whether this is an event as imports have them, and none of the clock's own."""
    told = record["input"]
    if told is None or "occurredAt" not in told:
        return False
    appended = datetime.fromisoformat(record["appended"])
    return datetime.fromisoformat(told["occurredAt"]) < appended - OLD


def _user_row(tenant: str, user: str) -> bytes:
    # A tenant's key holds no NUL, and no user id does either.
    return f"{tenant}\0{user}".encode()
