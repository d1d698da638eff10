"""Records by hand, and the two ways in which a partition's state takes them."""

from collections.abc import Callable
from datetime import date

from processor.hashed_rows import key_hash, recorded_scope
from processor.partition_state import PartitionState
from processor.rows import path_of
from processor.rules import RULES
from processor.rules.evolve import evolve_record
from schemas.entries import DefinitionsEntry, TotalEntry
from schemas.inputs import RecordedEvent
from schemas.instants import MILLISECOND, read_instant
from schemas.records import RECORD_VERSION, Record, Source

Take = Callable[[PartitionState, Record], None]

PARTITION = 3
DAY = date(2026, 3, 2)
NOON = "2026-03-02T12:00:00Z"
KEY = key_hash(path_of("default", "ada"), "commits", "k")


def millis(text):
    """Return an instant as the broker counts."""
    return read_instant(text) // MILLISECOND


def record(offset, total=1, *, appended=NOON, **fields):
    """Return an applied record of one event."""
    made = {
        "source": Source(0, PARTITION, offset),
        "lane": "lane",
        "user": "ada",
        "input": RecordedEvent("commits"),
        "entries": [TotalEntry("commits", 1, total, DAY)],
        **fields,
    }
    return Record(
        RECORD_VERSION,
        after=None,
        appended=millis(appended),
        definitions=1,
        rules=RULES,
        **made,
    )


def marker(offset, version):
    """Return the record of a version that comes into force."""
    return record(offset, user=None, input=None, entries=[DefinitionsEntry(version)])


def fold(state, it):
    """Have a state take a record as whoever reads the ledger does."""
    state.fold(it)


def judged(state, it):
    """Have a state take a record as the judge does, who knows what it led to."""
    if it.user is None or it.outcome != "applied":
        state.apply(it)
        return
    who = path_of(it.tenant, it.user)
    own = state.users.get(who)
    due = None if own is None else own.due
    own = evolve_record(own, it)
    digest = None if it.key is None else key_hash(who, recorded_scope(it.input), it.key)
    state.apply_to_user(it, who, own, due, digest)


def own_of(state, user="ada", tenant="default"):
    """Return a user's state, None for one who is not known."""
    return state.users.get(path_of(tenant, user))


def total(state, user="ada", tenant="default"):
    """Return a user's total, None for one who is not known."""
    own = own_of(state, user, tenant)
    return own and own.series["commits"].total


def restarted(store, **options):
    """Return the state that a restart finds."""
    return PartitionState(store, PARTITION, **options)
