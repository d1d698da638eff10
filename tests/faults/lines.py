"""One partition of a world's logs: what is of the whole of it, and what time will do to its users.

Folded from records, without the worker's own state: what the clock and operators ask of a partition
is judged here a second time. What is of users is `second`'s to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from faults.partitions import partition_of

from processor.partition_state import PartitionState
from schemas.definitions import Boost
from schemas.entries import BackfilledEntry, BoostEntry, DefinitionsEntry, DueEntry, HoldEntry
from schemas.instants import instant
from schemas.records import Link, Record, time_of
from schemas.topics import DEFAULT_TENANT
from schemas.versions import Version

Who = tuple[str, str]

OF_PARTITION: Final = {"definitions", "boost", "backfilled", "hold"}
# How far from the future an input may come.
FUTURE_MAX: Final = timedelta(minutes=5)
ONE_DAY: Final = timedelta(days=1)
# When the change of a boost of everyone is due: on the day before its first, and on the one after
# its last.
STARTED_AT: Final = time(10)
FINISHED_AT: Final = time(13)


class Raw(NamedTuple):
    """A record as the broker holds it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass
class Line:
    """One partition: its events that have no record yet, and the state of its ledger."""

    number: int
    # How many partitions there are.
    partitions: int
    # Every version of the definitions by number; more may come.
    versions: Mapping[int, Version]
    # The worker's own state, for judging again.
    state: PartitionState
    events: dict[int, Raw] = field(default_factory=dict)
    epoch: int = 0
    # Offset of the event whose record is next.
    due: int = 0
    last: Link | None = None
    # Versions in force and visited for; the last change of each boost; whether the clock waits.
    version: int = 0
    backfilled: int = 0
    boosts: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    held: bool = False
    # User -> when time itself does something next, and every such instant there ever was.
    dues: dict[Who, datetime | None] = field(default_factory=dict)
    dues_ever: dict[Who, set[datetime]] = field(default_factory=lambda: defaultdict(set))

    def of_partition(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What must come of an input that is of no user."""
        version = int(given.get("version", 0))
        match given["type"]:
            case "definitions" if version > self.version:
                return {"outcome": "applied", "definitions": version}
            case "definitions":
                return {"outcome": "replayed"}
            case "backfilled":
                return {"outcome": "applied" if version > self.backfilled else "replayed"}
            case "boost":
                return self._of_boost(given)
            case _:
                return {"outcome": "applied"}

    def _of_boost(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if not self._is_tenants:
            return {"outcome": "forwarded"}
        path = f"{given['system']}/{given['boost']}"
        change, at = self.boosts.get(path, ("finished", None))
        is_news = path in self._boosts_in_force() and given["change"] != change
        if is_news and given["change"] == "started" and at is not None:
            # It was moved to later dates.
            is_news = datetime.fromisoformat(given["at"]) > at
        if not is_news:
            return {"outcome": "replayed"}
        return {
            "outcome": "applied",
            "boosts": [(given["system"], given["boost"], given["change"])],
        }

    @property
    def _is_tenants(self) -> bool:
        """Whether what is of everyone is recorded in this partition."""
        return partition_of(DEFAULT_TENANT, self.partitions) == self.number

    def _boosts_in_force(self) -> dict[str, Boost]:
        """The boosts of everyone in force."""
        version = self.versions.get(self.version)
        return {
            f"{system.key}/{boost.key}": boost
            for system in (version.definitions.points if version is not None else ())
            for boost in system.boosts
            if boost.userId is None and not (boost.archived or system.archived)
        }

    def stale(self, given: Mapping[str, Any], appended: datetime) -> dict[str, Any]:
        """What comes of a due input that comes too late, or too soon; empty if it is neither."""
        at = datetime.fromisoformat(given["at"])
        if at > appended + FUTURE_MAX:
            return {"outcome": "refused", "code": "invalid"}
        due = self.dues.get((given.get("tenant", DEFAULT_TENANT), given["user"]))
        return {"outcome": "replayed"} if due is None or due > at else {}

    def note(self, record: Record) -> None:
        """Take an applied record: later ones are judged by what it says."""
        for entry in record.entries:
            match entry:
                case DueEntry():
                    assert record.user is not None, record
                    who = (record.tenant, record.user)
                    self.dues[who] = entry.at
                    if entry.at is not None:
                        self.dues_ever[who].add(entry.at)
                case DefinitionsEntry():
                    self.version = entry.version
                case BackfilledEntry():
                    self.backfilled = entry.version
                case HoldEntry():
                    self.held = entry.on
                case BoostEntry() if record.user is None:
                    path = f"{entry.system}/{entry.boost}"
                    self.boosts[path] = (entry.change, instant(time_of(record)))
                case _:
                    # The others are what the second implementation and the tables are about.
                    pass

    def pending(self, now: datetime) -> Iterator[str]:
        """Say what time or new definitions have asked for and nobody judged yet."""
        if self.held:
            yield f"the clock is held in {self.number}"
            return
        late = [who for who, at in self.dues.items() if at is not None and at <= now]
        if late:
            yield f"{len(late)} users are due in {self.number}, such as {min(late)}"
        if self._is_tenants:
            yield from (
                f"nothing says that {path} has changed" for path in self._missed_boosts(now)
            )
        wanted = [it.version for it in self.versions.values() if it.backfill]
        if any(self.backfilled < it <= self.version for it in wanted):
            yield f"users in {self.number} are not visited since {self.backfilled}"

    def _missed_boosts(self, now: datetime) -> Iterator[str]:
        """Yield the boosts of everyone that began or ended by now, and no record says so."""
        for path, boost in self._boosts_in_force().items():
            begun = datetime.combine(boost.start - ONE_DAY, STARTED_AT, UTC) <= now
            over = boost.end is not None and (
                datetime.combine(boost.end + ONE_DAY, FINISHED_AT, UTC) <= now
            )
            change = self.boosts[path][0] if path in self.boosts else None
            if change == "started" if over else begun and change is None:
                yield path
