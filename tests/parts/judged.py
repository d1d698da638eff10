"""A lane without Kafka: what is put to it is judged at once, and its record read back."""

import json

from wording.definitions import game, per

from processor.judge import judge
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.rows import path_of
from processor.rules.compiling import compile_definitions
from processor.rules.user_state import read_user_state, write_user_state
from schemas.codec import read_record

# 2026-03-02T12:00:00Z.
NOON = 1_772_452_800_000
HOUR = 3_600_000
DAY = 24 * HOUR
GAME = game(["commits", "lines"], event=["kind"], user=["team"], points={"xp": per(2, 10)})
HTTP = (("xp-origin", b"http"),)
HERE = "ada"
# Of a user, and nothing that the ledger may have.
PERSONAL = {
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "deviceTokens": ["token-1"],
    "subscribeToEmails": True,
}


class Lane:
    """A lane with a version in force, which judges inputs as they come in."""

    def __init__(self, store, definitions=GAME, partition=0, partitions=1):
        self.rulesets = {("default", 1): compile_definitions(definitions, 1)}
        find = lambda tenant, version: self.rulesets.get((tenant, version))  # noqa: E731
        self.context = LaneContext(partition, partitions, 2, "token", find)
        self.state = PartitionState(store, partition)
        self.offset = 0
        self.mark(1)

    def judge(self, value, headers=(), key=b"whatever", timestamp=NOON):
        message = Message(self.offset, timestamp, key, value, headers)
        pending = judge(self.context, self.state, message)
        self.offset += 1
        assert read_record(pending.raw) == pending.record
        return pending

    def event(self, headers=(), **fields):
        words = {"user": HERE, "metric": "commits", "value": 1, **fields}
        return self.judge(json.dumps(words).encode(), headers)

    def ask(self, type, headers=(), *, timestamp=NOON, **fields):  # noqa: A002  the field's name
        """Judge an input that is no metric event; of ada, unless it says otherwise."""
        words = {"type": type, "user": HERE, **fields}
        words = {name: it for name, it in words.items() if it is not None}
        return self.judge(json.dumps(words).encode(), headers, timestamp=timestamp)

    def mark(self, version, **fields):
        words = {"type": "definitions", "version": version, **fields}
        return self.judge(json.dumps(words).encode())

    def user_state(self, user=HERE):
        """Return a copy of a user's state, which judging leaves as it is; None for nobody."""
        own = self.state.users.get(path_of("default", user))
        return None if own is None else read_user_state(write_user_state(own))


def total_of(own, metric="commits"):
    """Return a user's total of a metric, None for one who is not known."""
    return None if own is None else own.series[metric].total
