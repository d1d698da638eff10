"""A log of one partition for the laws, and the lane that judges it: from bytes to bytes.

No randomness in here. What it knows besides the judge is how the past of a user is summed up for
a backfill.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from processor.judge import judge
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.past import FIRST, Past
from processor.pending import Message
from processor.rows import path_of
from processor.rules.compiling import compile_version
from processor.rules.user_state import UserState, write_user_state
from processor.store import Store
from processor.user_cache import CacheBudget
from schemas.codec import write_input
from schemas.inputs.base import DEFAULT_TENANT
from schemas.records import Record
from schemas.topics import HEADER_ORIGIN
from schemas.versions import Version

Input = dict[str, Any]
# Somebody waits for every answer, so that every record says how the user stands.
ASKED = ((HEADER_ORIGIN, b"http"),)


class Appended(NamedTuple):
    """An input as it stands in the log, None for one that cannot be read; and when it got there."""

    input: Input | None
    at: datetime


class Rows(Store):
    """A store of rows in memory."""

    def __init__(self):
        """Begin empty."""
        self.rows = {}

    def get(self, key):
        """Return a row."""
        return self.rows.get(key)

    def write(self, rows, gone=()):
        """Write rows and delete others."""
        self.rows.update(rows)
        for key in gone:
            self.rows.pop(key, None)

    def scan(self, start, count, stop=None):
        """Return rows in the order of their keys."""
        found = sorted(it for it in self.rows if start <= it and (stop is None or it < stop))
        return [(key, self.rows[key]) for key in found[:count]]

    def clear(self):
        """Forget every row."""
        self.rows = {}


class Log:
    """One partition of events and the lane that judges it."""

    def __init__(
        self, versions: Sequence[Version], *, cache_bytes: int | None = None, headers: Any = ASKED
    ):
        """Make versions of the definitions known; a marker puts each in force.

        `cache_bytes`: how much the states of users may take that are kept in memory.
        """
        self._rulesets = {it.version: compile_version(it) for it in versions}
        self._budget = CacheBudget() if cache_bytes is None else CacheBudget(cache_bytes)
        self._headers = headers
        self.store = Rows()
        self.state = PartitionState(self.store, 0, budget=self._budget)
        self.context = LaneContext(
            0, 1, 0, "lane", lambda _tenant, version: self._rulesets.get(version)
        )
        self.raw: list[bytes] = []

    def publish(self, version: Version):
        """Make one more version of the definitions known."""
        self._rulesets[version.version] = compile_version(version)

    def tell(self, given: Input | None, at: datetime) -> Record:
        """Append an input and return the record that is judged of it."""
        millis = round(at.timestamp() * 1000)
        value = None if given is None else write_input(given)
        message = Message(len(self.raw), millis, None, value, self._headers)
        pending = judge(self.context, self.state, message)
        self.raw.append(pending.raw)
        return pending.record

    def keep(self):
        """Store what was judged up to here, as if it was appended to a ledger that began empty."""
        self.state.keep(len(self.raw))

    def restart(self):
        """Go on with what is stored, as another worker."""
        self.state = PartitionState(self.store, 0, budget=self._budget)

    def user_state(self, user: str) -> UserState | None:
        """Return a user's state. Judging changes it in place."""
        return self.state.users.get(path_of(DEFAULT_TENANT, user))

    def user_bytes(self, user: str) -> bytes | None:
        """Return a user's state as it is stored: nothing changes it any more."""
        return state_bytes(self.user_state(user))


def state_bytes(own: UserState | None) -> bytes | None:
    """Return a user's state as it is stored, None for one who is not known."""
    return None if own is None else write_user_state(own)


def user_of(given: Input | None) -> str | None:
    """Return the id of an input's user, None for what is of a partition or cannot be read."""
    user = None if given is None else given.get("user")
    return user["id"] if isinstance(user, dict) else user


def past_of(records: Sequence[Record], user: str, known: int, version: Version):
    """Return what the backfill of a version tells of a user's past, from records up to now.

    `known` is the version up to which the past is known already.
    """
    past = Past(DEFAULT_TENANT, version.version, compile_version(version), FIRST)
    for record in records:
        if not past.take(record):
            break
    return past.lacking(user, known) if user in past.users else {}
