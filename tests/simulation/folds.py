"""What a partition's ledger comes to, record by record, apart from the worker's own state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reference.translation import input_of

from processor.rules.evolve import evolve_record
from processor.rules.user_state import read_user_state, write_user_state
from schemas.entries import CorrectionEntry, DefinitionsEntry, HoldEntry
from schemas.instants import Micros, Millis, from_millis
from schemas.numbers import Number
from schemas.records import Link, Record


@dataclass(frozen=True)
class Fold:
    """What a partition's ledger comes to, up to some offset."""

    last: Link | None = None
    version: int = 0
    # By user, as they are stored.
    states: Mapping[str, bytes] = field(default_factory=dict)
    # Tenant, user, scope and key; or the id of a forwarded event: id of the first.
    used: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    # Tenant, user and event: the value that it was corrected to.
    corrected: Mapping[tuple[str, str, str], Number] = field(default_factory=dict)
    # Whether the clock waits, and since when nothing old has come.
    hold: tuple[bool, Millis] = (False, 0)

    @property
    def dues(self) -> list[tuple[Micros, str]]:
        """When which users fall due, in order."""
        dues = ((read_user_state(raw).due, user) for user, raw in self.states.items())
        return sorted((due, user) for due, user in dues if due is not None)


def id_of(record: Record) -> str:
    """Return under which id the event of a record was first found."""
    source = record.source
    return record.id or f"{source.epoch}-{source.partition}-{source.offset}"


def link_of(record: Record) -> Link:
    """Return the link of a record; its lane is that of the one before it where it does not say."""
    lane = record.lane
    if lane is None:
        assert record.after is not None
        lane = record.after.lane
    return Link(record.source.epoch, record.source.offset, lane)


def scope_of(given: Mapping[str, Any]) -> str:
    """Return what an idempotency key is unique in."""
    kind = given.get("type", "metric")
    return str(given["metric"]) if kind == "metric" else f":{kind}"


def is_old(given: Mapping[str, Any], appended: datetime) -> bool:
    """Tell whether an event happened long before it came, as those of an import did."""
    if "occurredAt" not in given:
        return False
    return datetime.fromisoformat(given["occurredAt"]) < appended - timedelta(hours=1)


def folded(before: Fold, record: Record) -> Fold:
    """Return what it comes to with one more record that the chain admits."""
    used, states, version = dict(before.used), dict(before.states), before.version
    corrected, hold = dict(before.corrected), before.hold
    given = input_of(record) if record.input is not None else {}
    if hold[0] and is_old(given, from_millis(record.appended)):
        hold = (True, record.appended)
    if record.id is not None:
        used.setdefault((record.id,), record.id)
    if record.outcome == "applied":
        user = record.user
        for entry in record.entries:
            if isinstance(entry, DefinitionsEntry):
                version = entry.version
            elif isinstance(entry, HoldEntry):
                hold = (entry.on, record.appended)
            elif isinstance(entry, CorrectionEntry) and user is not None:
                corrected[record.tenant, user, entry.event] = entry.after
        if user is not None:
            own = read_user_state(states[user]) if user in states else None
            states[user] = write_user_state(evolve_record(own, record))
            if record.key is not None:
                used[record.tenant, user, scope_of(given), record.key] = id_of(record)
    return Fold(link_of(record), version, states, used, corrected, hold)
