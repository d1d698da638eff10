"""The chain rule: which records of a ledger partition count. Every reader of the ledger uses it.

A record names its predecessor: the record that its lane had applied last when it judged this one.
A reader applies a record only if that predecessor is the last record that the reader applied
itself, and skips it otherwise. Two lanes that write to one partition for a while (a paused worker
and its successor) thereby never count twice: the first record to reach the log wins, and whatever
was judged on a state that did not come to be is skipped by everyone alike.

Downstream services that read the ledger apply the same rule; it is all that they need.
"""

from typing import NamedTuple

from schemas.entries import Record


class Link(NamedTuple):
    """The identity of a record within its partition: its source position and its lane's token."""

    epoch: int
    offset: int
    lane: str


def link_of(record: Record) -> Link:
    """Return the link by which a successor names this record."""
    epoch, _partition, offset = record["source"]
    return Link(epoch, offset, record["lane"])


def follows(last: Link | None, record: Record) -> bool:
    """Tell whether a record is next in the chain; `last` is None where nothing was applied yet."""
    after = record["after"]
    if after is None:
        return last is None
    return last is not None and last == (after[0], after[1], after[2])
