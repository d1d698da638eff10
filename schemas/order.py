"""The chain rule: which records of a ledger partition count. Every reader of the ledger uses it.

A record names its predecessor: the record that its lane had applied last when it judged this one.
A reader applies a record only if that predecessor is the last record that the reader applied
itself, and skips it otherwise. Two lanes that write to one partition for a while (a paused worker
and its successor) thereby never count twice: the first record to reach the log wins, and whatever
was judged on a state that did not come to be is skipped by everyone alike.

Downstream services that read the ledger apply the same rule; it is all that they need.
"""

from schemas.records import Link, Record, link_of

__all__ = ["Link", "follows", "link_of"]


def follows(last: Link | None, record: Record) -> bool:
    """Tell whether a record is next in the chain; `last` is None where nothing was applied yet."""
    return record.after == last
