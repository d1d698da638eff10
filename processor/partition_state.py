"""The state of one partition as a fold of its ledger: in memory for now, in the store for later.

What has been judged but not yet acknowledged is held in memory only; `keep` moves it to the store
together with the position, `drop` forgets it. No rules and no I/O but the store's.
"""

from typing import Final

from broker.ledger import Position
from processor.hashed_rows import corrected_hash, key_hash, origin_hash, recorded_scope
from processor.partition_meta import (
    BoostChange,
    HoldState,
    PartitionMeta,
    boost_path,
    read_meta,
    write_meta,
)
from processor.rows import CORRECTED, META, path_of
from processor.rules.user_state import UserState
from processor.store import Store
from processor.used_keys import UsedKeys
from processor.user_cache import CacheBudget
from processor.user_states import UserStates
from schemas.codec import read_event_id
from schemas.entries import (
    BackfilledEntry,
    BoostEntry,
    CorrectionEntry,
    DefinitionsEntry,
    HoldEntry,
)
from schemas.inputs import RecordedCompletion, RecordedCorrection, RecordedEvent
from schemas.instants import HOUR, MILLISECOND, Micros, micros
from schemas.numbers import Number, read_number, write
from schemas.records import Record, Source, link_of, time_of
from schemas.text import EventId, UserPath

# An event is an old one, of an import, when it happened so long before it was appended.
OLD: Final = HOUR


class PartitionState:
    """What is known of one partition: user states, used keys, versions in force, position."""

    def __init__(
        self,
        store: Store,
        partition: int,
        *,
        key_window_days: int | None = None,
        budget: CacheBudget | None = None,
    ) -> None:
        """Load the position that the store has; the rows are read when they are asked for.

        A key counts as used for `key_window_days` after its first use, None: for ever. Raises
        StoreError, as does all that reads or writes here.
        """
        self._store = store
        self._partition = partition
        self.users = UserStates(store, budget or CacheBudget())
        self.used = UsedKeys(store, partition, key_window_days)
        # Values of corrected events that are not in the store yet.
        self._corrected: dict[bytes, Number] = {}
        self._load()

    def _load(self) -> None:
        raw = self._store.get(META)
        meta = read_meta(raw) if raw else PartitionMeta()
        self.ledger = meta.ledger
        self.applied = meta.applied
        self.last = meta.last
        self.appended = meta.appended
        self.used.load(meta.day)
        self.versions = meta.versions
        self.backfilled = meta.backfilled
        self.boosts = meta.boosts
        self.hold = meta.hold

    @property
    def position(self) -> Position:
        """Where the fold stands in the ledger partition."""
        return Position(self.ledger, self.last)

    def next_source(self, epoch: int) -> int:
        """Return the offset of the event that is due next, in an epoch."""
        if self.last is None or self.last.epoch < epoch:
            return 0
        return self.last.offset + 1

    # -- what is asked

    def corrected(self, who: UserPath, event: EventId) -> Number | None:
        """Return the value that an event has come to, None if it was never corrected."""
        digest = corrected_hash(who, event)
        found = self._corrected.get(digest)
        if found is None:
            raw = self._store.get(CORRECTED + digest)
            return None if raw is None else read_number(raw.decode())
        return found

    # -- what is applied

    def apply(self, record: Record) -> None:
        """Take a record that was judged on this state and changes no user."""
        self._take_position(record)
        if record.outcome == "applied":
            self._take_partition_entries(record)

    def apply_to_user(
        self,
        record: Record,
        who: UserPath,
        own: UserState,
        due: Micros | None,
        digest: bytes | None,
    ) -> None:
        """Take a record that was judged on this state and changes a user.

        `own` is the state that it led to, `due` when time would have done something to the user
        before it, `digest` that of the idempotency key, if it has one.
        """
        source = self._take_position(record)
        self.users.change(who, own, due, record)
        if digest is not None:
            self.used.add(digest, source)
        if isinstance(record.input, RecordedCorrection):
            self._take_corrections(record, who)

    def fold(self, record: Record) -> None:
        """Take a record that is next in the chain, from the ledger."""
        source = self._take_position(record)
        if record.outcome != "applied":
            return
        if record.user is None:
            self._take_partition_entries(record)
            return
        who = path_of(record.tenant, record.user)
        self.users.fold(who, record)
        given = record.input
        if record.key is not None and given is not None:
            self.used.add(key_hash(who, recorded_scope(given), record.key), source)
        if isinstance(given, RecordedCorrection):
            self._take_corrections(record, who)

    def _take_position(self, record: Record) -> Source:
        self.last = link_of(record)
        self.appended = appended = record.appended
        used = self.used
        if appended >= used.day_end:
            used.turn(appended)
        source = record.source
        if record.id is not None:
            found = read_event_id(record.id)
            source = Source(*found) if found is not None else Source(0, 0, 0)
            digest = origin_hash(record.id)
            if digest not in used.fresh:
                used.add(digest, source)
        if self.hold.on and is_old(record):
            self.hold = HoldState(on=True, since=appended)
        return source

    def _take_corrections(self, record: Record, who: UserPath) -> None:
        for entry in record.entries:
            if isinstance(entry, CorrectionEntry):
                self._corrected[corrected_hash(who, entry.event)] = entry.after

    def _take_partition_entries(self, record: Record) -> None:
        tenant = record.tenant
        for entry in record.entries:
            if isinstance(entry, DefinitionsEntry):
                self.versions[tenant] = entry.version
            elif isinstance(entry, BackfilledEntry):
                known = self.backfilled.get(tenant, 0)
                self.backfilled[tenant] = max(known, entry.version)
            elif isinstance(entry, BoostEntry):
                change = BoostChange(entry.change, time_of(record))
                path = boost_path(entry.system, entry.boost)
                self.boosts.setdefault(tenant, {})[path] = change
            elif isinstance(entry, HoldEntry):
                self.hold = HoldState(on=entry.on, since=record.appended)
            else:
                raise AssertionError(f"{entry!r} is of a user")  # noqa: TRY004  our own bug

    # -- what is stored

    def keep(self, ledger: int, applied: int | None = None) -> None:
        """Store what was applied, together with the ledger offset that follows it.

        `applied` is the ledger offset of the last record applied, None: the one before `ledger`.
        """
        self.ledger = ledger
        self.applied = ledger - 1 if applied is None else applied
        rows, gone = self.users.rows()
        rows.extend(self.used.rows())
        for digest, value in self._corrected.items():
            rows.append((CORRECTED + digest, write(value).encode()))
        rows.append((META, write_meta(self._meta())))
        self._store.write(rows, gone)
        self.users.kept()
        self.used.kept()
        self._corrected = {}

    def _meta(self) -> PartitionMeta:
        return PartitionMeta(
            self.ledger,
            self.applied,
            self.last,
            self.appended,
            self.used.day,
            self.versions,
            self.backfilled,
            self.boosts,
            self.hold,
        )

    def drop(self) -> None:
        """Forget what was applied since the last `keep`: go on from what the store has."""
        self.users.drop()
        self._corrected = {}
        self._load()

    def reset(self) -> None:
        """Throw the store's rows away: the ledger is folded from record zero."""
        self._store.clear()
        self.drop()


def is_old(record: Record) -> bool:
    """Tell whether this is an event as imports have them, and none of the clock's own."""
    given = record.input
    if not isinstance(given, (RecordedEvent, RecordedCompletion)) or given.occurredAt is None:
        return False
    return micros(given.occurredAt) < record.appended * MILLISECOND - OLD
