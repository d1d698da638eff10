"""The state of one partition as a fold of its ledger: in memory for now, in the store for later.

What has been judged but not yet acknowledged is held in memory only; `keep` moves it to the store
together with the position, `drop` forgets it. No rules and no I/O but the store's.
"""

from collections import OrderedDict
from hashlib import blake2b
from typing import Final, TypedDict, cast

import orjson

from broker.ledger import Position
from processor.rules.standing import Standing, evolve_record
from processor.store import KEY, META, STANDING, Store, dump, partition_prefix
from schemas.codec import event_id
from schemas.entries import Record
from schemas.order import Link, link_of

HOT_USERS_MAX: Final = 20_000


class Meta(TypedDict):
    """A partition's row about itself."""

    # Offset of the next ledger record, and the link of the last one applied.
    ledger: int
    last: tuple[int, int, str] | None
    # Tenant -> version of the definitions in force.
    versions: dict[str, int]


def key_hash(tenant: str, user: str, metric: str, key: str) -> bytes:
    """Return the 16 bytes under which the use of an idempotency key is kept (semantics 1.2)."""
    # Lengths keep "a" + "bc" apart from "ab" + "c".
    text = f"{len(tenant)}:{tenant}{len(user)}:{user}{len(metric)}:{metric}{key}"
    return blake2b(text.encode(), digest_size=16).digest()


def origin_hash(origin: str) -> bytes:
    """Return the 16 bytes under which a forwarded event's first position is kept."""
    return blake2b(origin.encode(), digest_size=16, person=b"xp-origin").digest()


class PartitionState:
    """What is known of one partition: standings, used keys, versions in force, position."""

    def __init__(self, store: Store, partition: int) -> None:
        """Load the position that the store has; the rows are read when they are asked for."""
        self._store = store
        self._partition = partition
        self._prefix = partition_prefix(partition)
        self._hot: OrderedDict[bytes, Standing] = OrderedDict()
        self._standings: dict[bytes, Standing] = {}
        self._keys: dict[bytes, str] = {}
        self._load()

    def _load(self) -> None:
        raw = self._store.get(self._prefix + META)
        meta = cast(Meta, orjson.loads(raw)) if raw else None
        self.ledger = meta["ledger"] if meta else 0
        self.last = Link(*meta["last"]) if meta and meta["last"] else None
        self.versions = dict(meta["versions"]) if meta else {}

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
        found = self._standings.get(key) or self._hot.get(key)
        if found is not None:
            return found
        raw = self._store.get(self._prefix + STANDING + key)
        if raw is None:
            return None
        found = cast(Standing, orjson.loads(raw))
        self._warm(key, found)
        return found

    def first_use(self, digest: bytes) -> str | None:
        """Return the id of the event that used a key first, None if none has."""
        known = self._keys.get(digest)
        if known is not None:
            return known
        raw = self._store.get(self._prefix + KEY + digest)
        return raw.decode() if raw else None

    def apply(self, record: Record, standing: Standing | None = None) -> None:
        """Take a record that is next in the chain; `standing` saves the fold when it is known."""
        self.last = link_of(record)
        _epoch, _partition, offset = record["source"]
        tenant, user = record["tenant"], record["user"]
        if record["id"] != event_id(_epoch, _partition, offset):
            self._keys.setdefault(origin_hash(record["id"]), record["id"])
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
            self._keys[digest] = record["id"]

    def keep(self, ledger: int) -> None:
        """Store what was applied, together with the ledger offset that follows it."""
        self.ledger = ledger
        prefix = self._prefix
        rows = {prefix + STANDING + key: dump(it) for key, it in self._standings.items()}
        rows |= {prefix + KEY + digest: first.encode() for digest, first in self._keys.items()}
        last = (*self.last,) if self.last else None
        meta: Meta = {"ledger": ledger, "last": last, "versions": self.versions}
        rows[prefix + META] = dump(meta)
        self._store.write(rows)
        for key, standing in self._standings.items():
            self._warm(key, standing)
        self._standings = {}
        self._keys = {}

    def drop(self) -> None:
        """Forget what was applied since the last `keep`: go on from what the store has."""
        self._standings = {}
        self._keys = {}
        self._hot.clear()
        self._load()

    def reset(self) -> None:
        """Throw the store's rows of this partition away: the ledger is folded from record zero."""
        self._store.clear(self._partition)
        self.drop()

    def _warm(self, key: bytes, standing: Standing) -> None:
        self._hot[key] = standing
        self._hot.move_to_end(key)
        if len(self._hot) > HOT_USERS_MAX:
            self._hot.popitem(last=False)


def _user_row(tenant: str, user: str) -> bytes:
    # A tenant's key holds no NUL, and no user id does either.
    return f"{tenant}\0{user}".encode()
