"""When time itself will next do something to a user: rows of a store in the order of time."""

from processor.rows import DUE, Due, due_row, due_rows_until, read_due_row
from processor.store import Store
from schemas.instants import Micros
from schemas.text import UserPath

Rows = list[tuple[bytes, bytes]]


class DueTimes:
    """The rows of what falls due in one partition."""

    def __init__(self, store: Store) -> None:
        """Nothing is read yet."""
        self._store = store
        self.load()

    def load(self) -> None:
        """Begin from what the store has."""
        # No row lies before it: those that were worked off leave a trail of deleted rows, which
        # would have to be passed at every look.
        self._begin = DUE

    def until(self, before: Micros, limit: int) -> list[Due]:
        """Return up to `limit` users for whom something falls due until `before`, earliest first.

        Only what is stored counts.
        """
        stop = due_rows_until(before)
        rows = self._store.scan(self._begin, limit, stop)
        self._begin = rows[0][0] if rows else max(self._begin, stop)
        return [read_due_row(key) for key, _ in rows]

    def move(
        self,
        who: UserPath,
        before: Micros | None,
        now: Micros | None,
        rows: Rows,
        gone: list[bytes],
    ) -> None:
        """Add the rows to write and to delete for a user who fell due at `before`, now at `now`."""
        if before is not None:
            gone.append(due_row(before, who))
        if now is not None:
            row = due_row(now, who)
            rows.append((row, b""))
            self._begin = min(self._begin, row)
