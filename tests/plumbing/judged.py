"""A lane without Kafka: what is told is judged at once, and its record read back."""

import json

from given import game, per

from processor.judge import Message, Seat, judge
from processor.rules.game import compile_game
from processor.state import PartitionState
from schemas.codec import read_record

# 2026-03-02T12:00:00Z.
NOON = 1_772_452_800_000
HOUR = 3_600_000
DAY = 24 * HOUR
GAME = game(["commits", "lines"], event=["kind"], user=["team"], points={"xp": per(2, 10)})
HTTP = (("xp-origin", b"http"),)
HERE = "ada"


class Lane:
    """A lane with a version in force, to which events are told as they come in."""

    def __init__(self, store, definitions=GAME, partition=0, partitions=1):
        self.games = {("default", 1): compile_game(definitions, 1)}
        find = lambda tenant, version: self.games.get((tenant, version))  # noqa: E731
        self.seat = Seat(partition, partitions, 2, "token", find)
        self.state = PartitionState(store, partition)
        self.offset = 0
        self.mark(1)

    def tell(self, value, headers=(), key=b"whatever", timestamp=NOON):
        message = Message(self.offset, timestamp, key, value, headers)
        judged = judge(self.seat, self.state, message)
        self.offset += 1
        assert read_record(judged.raw) == json.loads(json.dumps(judged.record))
        return judged

    def event(self, headers=(), **fields):
        told = {"user": HERE, "metric": "commits", "value": 1, **fields}
        return self.tell(json.dumps(told).encode(), headers)

    def ask(self, type, headers=(), *, timestamp=NOON, **fields):  # noqa: A002  the field's name
        """Judge an input that is no metric event; of ada, unless it says otherwise."""
        told = {"type": type, "user": HERE, **fields}
        told = {name: it for name, it in told.items() if it is not None}
        return self.tell(json.dumps(told).encode(), headers, timestamp=timestamp)

    def mark(self, version, **fields):
        told = {"type": "definitions", "version": version, **fields}
        return self.tell(json.dumps(told).encode())

    def standing(self, user=HERE):
        return self.state.standing("default", user)
