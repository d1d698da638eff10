"""A log of one partition for the laws, and the lane that judges it: from bytes to bytes.

No randomness in here. What it knows besides the judge is how the past of a user is summed up for
a backfill.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from processor.judge import Message, Seat, judge
from processor.past import FIRST, Past
from processor.rules.game import compile_version
from processor.state import PartitionState
from processor.store import Store
from schemas.versions import Version

Input = dict[str, Any]


class Told(NamedTuple):
    """An input as it stands in the log, and when it got there."""

    input: Input
    appended: datetime


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

    def clear(self):
        """Forget every row."""
        self.rows = {}


class Log:
    """One partition of events and the lane that judges it."""

    def __init__(self, versions: Sequence[Version]):
        """Make versions of the definitions known; a marker puts each in force."""
        self._games = {it.version: compile_version(it) for it in versions}
        self.state = PartitionState(Rows(), 0)
        self.seat = Seat(0, 1, 0, "lane", lambda _tenant, version: self._games.get(version))
        self.raw: list[bytes] = []
        self._offset = 0

    def publish(self, version: Version):
        """Make one more version of the definitions known."""
        self._games[version.version] = compile_version(version)

    def tell(self, given: Input, appended: datetime):
        """Append an input and return the record that is judged of it."""
        millis = round(appended.timestamp() * 1000)
        message = Message(self._offset, millis, None, json.dumps(given).encode(), ())
        self._offset += 1
        judged = judge(self.seat, self.state, message)
        self.raw.append(judged.raw)
        return judged.record

    def standing(self, user: str):
        """Return a user's standing."""
        return self.state.standing("default", user)


def user_of(given: Input) -> str | None:
    """Return the id of an input's user, None for what is of a partition."""
    user = given.get("user")
    return user["id"] if isinstance(user, dict) else user


def past_of(records: Sequence[Any], user: str, known: int, version: Version):
    """Return what the backfill of a version tells of a user's past, from records up to now.

    `known` is the version up to which the past is known already.
    """
    past = Past("default", version.version, compile_version(version), FIRST)
    for record in records:
        if not past.take(record):
            break
    return past.lacking(user, known) if user in past.users else {}
