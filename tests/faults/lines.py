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

from faults.load import partition_of

from processor.state import PartitionState
from schemas.definitions import Boost
from schemas.topics import DEFAULT_TENANT
from schemas.versions import Version

Who = tuple[str, str]

OF_PARTITION: Final = {"definitions", "boost", "backfilled", "hold"}
# How far from the future an input may come.
FUTURE_MAX: Final = timedelta(minutes=5)
ONE_DAY: Final = timedelta(days=1)
# When a boost of everyone is told of: on the day before its first, and on the day after its last.
STARTED_AT: Final = time(10)
FINISHED_AT: Final = time(13)


class Raw(NamedTuple):
    """A record as the broker holds it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


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
    last: list[Any] | None = None
    # Versions in force and visited for; what was told of boosts last; whether the clock waits.
    version: int = 0
    backfilled: int = 0
    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    held: bool = False
    # User -> when time itself does something next, and every such instant there ever was.
    dues: dict[Who, str | None] = field(default_factory=dict)
    dues_ever: dict[Who, set[str]] = field(default_factory=lambda: defaultdict(set))

    def of_partition(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """What must come of an input that is of no user."""
        version = int(told.get("version", 0))
        match told["type"]:
            case "definitions" if version > self.version:
                return {"outcome": "applied", "definitions": version}
            case "definitions":
                return {"outcome": "replayed"}
            case "backfilled":
                return {"outcome": "applied" if version > self.backfilled else "replayed"}
            case "boost":
                return self._of_boost(told)
            case _:
                return {"outcome": "applied"}

    def _of_boost(self, told: Mapping[str, Any]) -> dict[str, Any]:
        if not self._is_tenants:
            return {"outcome": "forwarded"}
        path = f"{told['system']}/{told['boost']}"
        change, at = self.told.get(path, ("finished", ""))
        is_news = path in self._boosts() and told["change"] != change
        if is_news and told["change"] == "started" and at:
            # It was moved to later dates.
            is_news = instant(told["at"]) > instant(at)
        if not is_news:
            return {"outcome": "replayed"}
        return {"outcome": "applied", "boosts": [(told["system"], told["boost"], told["change"])]}

    @property
    def _is_tenants(self) -> bool:
        """Whether what is of everyone is told of in this partition."""
        return partition_of(DEFAULT_TENANT, self.partitions) == self.number

    def _boosts(self) -> dict[str, Boost]:
        """The boosts of everyone in force."""
        version = self.versions.get(self.version)
        return {
            f"{system.key}/{boost.key}": boost
            for system in (version.definitions.points if version is not None else ())
            for boost in system.boosts
            if boost.userId is None and not (boost.archived or system.archived)
        }

    def stale(self, told: Mapping[str, Any], appended: datetime) -> str:
        """What comes of a due input that is told too late, or too soon; empty if it is neither."""
        at = instant(told["at"])
        if at > appended + FUTURE_MAX:
            return "refused"
        due = self.dues.get((told.get("tenant", DEFAULT_TENANT), told["user"]))
        return "replayed" if due is None or instant(due) > at else ""

    def note(self, record: Mapping[str, Any]) -> None:
        """Take an applied record: later ones are judged by what it says."""
        who = (record["tenant"], record["user"])
        for entry in record["entries"]:
            match entry["kind"]:
                case "due":
                    self.dues[who] = entry["at"]
                    if entry["at"] is not None:
                        self.dues_ever[who].add(entry["at"])
                case "definitions":
                    self.version = entry["version"]
                case "backfilled":
                    self.backfilled = entry["version"]
                case "hold":
                    self.held = entry["on"]
                case "boost" if record["user"] is None:
                    path = f"{entry['system']}/{entry['boost']}"
                    self.told[path] = (entry["change"], record["at"])

    def pending(self, now: datetime) -> Iterator[str]:
        """Say what time or new definitions have asked for and nobody judged yet."""
        if self.held:
            yield f"the clock is held in {self.number}"
            return
        late = [who for who, at in self.dues.items() if at and instant(at) <= now]
        if late:
            yield f"{len(late)} users are due in {self.number}, such as {min(late)}"
        if self._is_tenants:
            yield from (f"nobody is told of {path}" for path in self._untold(now))
        wanted = [it.version for it in self.versions.values() if it.backfill]
        if any(self.backfilled < it <= self.version for it in wanted):
            yield f"users in {self.number} are not visited since {self.backfilled}"

    def _untold(self, now: datetime) -> Iterator[str]:
        """Yield the boosts of everyone that began or ended by now, and nobody was told."""
        for path, boost in self._boosts().items():
            begun = datetime.combine(boost.start - ONE_DAY, STARTED_AT, UTC) <= now
            over = boost.end is not None and (
                datetime.combine(boost.end + ONE_DAY, FINISHED_AT, UTC) <= now
            )
            change = self.told[path][0] if path in self.told else None
            if change == "started" if over else begun and change is None:
                yield path


def instant(text: str) -> datetime:
    """Read an instant of a log."""
    return datetime.fromisoformat(text)
