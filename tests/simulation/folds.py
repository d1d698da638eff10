"""What a partition's ledger comes to, record by record, apart from the worker's own state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from processor.rules.standing import evolve_record

Link = tuple[int, int, str]


@dataclass(frozen=True)
class Fold:
    """What a partition's ledger comes to, up to some offset."""

    last: Link | None = None
    version: int = 0
    standings: Mapping[str, Any] = field(default_factory=dict)
    # Tenant, user, scope and key; or the id of a forwarded event: id of the first.
    used: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    # Tenant, user and event: the value that it was corrected to.
    corrected: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    # Whether the clock waits, and since when nothing old has come.
    hold: tuple[bool, str] = (False, "")

    @property
    def dues(self) -> list[tuple[str, str]]:
        """When which users fall due, in order."""
        found = [(it["due"], user) for user, it in self.standings.items() if "due" in it]
        return sorted(found, key=lambda it: (datetime.fromisoformat(it[0]), it[1]))


def scope_of(told: Any) -> str:
    """Return what an idempotency key is unique in."""
    return f":{told['type']}" if "type" in told else told["metric"]


def is_old(told: Any, appended: str) -> bool:
    """Tell whether an event happened long before it came, as those of an import did."""
    if "occurredAt" not in told:
        return False
    happened, came = map(datetime.fromisoformat, (told["occurredAt"], appended))
    return happened < came - timedelta(hours=1)


def folded(before: Fold, record: Any) -> Fold:
    """Return what it comes to with one more record that the chain admits."""
    last = (record["source"][0], record["source"][2], record["lane"])
    used, standings, version = dict(before.used), dict(before.standings), before.version
    corrected, hold, told = dict(before.corrected), before.hold, record["input"]
    if hold[0] and told and is_old(told, record["appended"]):
        hold = (True, record["appended"])
    if record["id"] != "-".join(map(str, record["source"])):
        used.setdefault((record["id"],), record["id"])
    if record["outcome"] == "applied":
        user = record["user"]
        for entry in record["entries"]:
            match entry["kind"]:
                case "definitions":
                    version = entry["version"]
                case "hold":
                    hold = (entry["on"], record["appended"])
                case "correction":
                    corrected[record["tenant"], user, entry["event"]] = entry["after"]
        if user is not None:
            standings[user] = evolve_record(standings.get(user), record)
        if "key" in record:
            used[record["tenant"], user, scope_of(told), record["key"]] = record["id"]
    return Fold(last, version, standings, used, corrected, hold)
