"""The user states of one partition: as stored, and as judging has changed them since."""

from processor.due_times import DueTimes
from processor.rows import USER, path_of
from processor.rules.evolve import evolve_record
from processor.rules.user_state import UserState, read_user_state, write_user_state
from processor.store import Store
from processor.user_cache import CacheBudget, UserCache
from schemas.instants import Micros
from schemas.records import Record
from schemas.text import UserPath


class UserStates:
    """What is known of a partition's users, by their path."""

    def __init__(self, store: Store, budget: CacheBudget) -> None:
        """Nothing is read before it is asked for."""
        self._store = store
        self._cache = UserCache(budget)
        self.dues = DueTimes(store)
        # What changed since the last `kept`: the state, and when it fell due as of the store.
        self._changed: dict[UserPath, UserState] = {}
        self._due_before: dict[UserPath, Micros | None] = {}
        # The records that changed it, from which a state is made anew when an input is refused.
        self._records: list[Record] = []

    def get(self, who: UserPath) -> UserState | None:
        """Return a user's state, None for one who is not known. Judging changes it in place.

        Raises StoreError.
        """
        found = self._cache.young.get(who)
        if found is not None:
            return found
        found = self._cache.get(who) or self._changed.get(who)
        if found is None:
            raw = self._store.get(USER + who.encode())
            if raw is None:
                return None
            found = read_user_state(raw)
        self._cache.put(who, found)
        return found

    def change(self, who: UserPath, own: UserState, due: Micros | None, record: Record) -> None:
        """Take the state that a record led to; `due` is when the user fell due before it."""
        if who not in self._changed:
            self._changed[who] = own
            self._due_before[who] = due
        self._records.append(record)

    def fold(self, who: UserPath, record: Record) -> None:
        """Take an applied record of a user, from the ledger. Raises StoreError."""
        own = self.get(who)
        if who not in self._changed:
            self._due_before[who] = None if own is None else own.due
        if own is None:
            own = evolve_record(None, record)
            self._cache.put(who, own)
        else:
            evolve_record(own, record)
        self._changed[who] = own
        self._records.append(record)

    def undo(self, who: UserPath) -> None:
        """Make a user's state anew, as it was before an input that was not taken.

        Raises StoreError.
        """
        self._cache.remove(who)
        raw = self._store.get(USER + who.encode())
        own = read_user_state(raw) if raw is not None else None
        for record in self._records:
            if record.user is not None and path_of(record.tenant, record.user) == who:
                own = evolve_record(own, record)
        if own is None:
            return
        self._cache.put(who, own)
        if who in self._changed:
            self._changed[who] = own

    def rows(self) -> tuple[list[tuple[bytes, bytes]], list[bytes]]:
        """Return the rows to write and the keys of those to delete."""
        rows: list[tuple[bytes, bytes]] = []
        gone: list[bytes] = []
        size = 0
        for who, own in self._changed.items():
            raw = write_user_state(own)
            size += len(raw)
            rows.append((USER + who.encode(), raw))
            before, now = self._due_before[who], own.due
            if before != now:
                self.dues.move(who, before, now, rows, gone)
        if self._changed:
            self._cache.resize(size // len(self._changed))
        return rows, gone

    def kept(self) -> None:
        """Note that what was changed is in the store."""
        self._changed = {}
        self._due_before = {}
        self._records = []

    def drop(self) -> None:
        """Forget what is not in the store."""
        self.kept()
        self._cache.clear()
        self.dues.load()
