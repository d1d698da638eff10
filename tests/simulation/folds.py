"""What a partition's ledger comes to, record by record, apart from the worker's own state."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from processor.rules.standing import evolve_record

Link = tuple[int, int, str]


@dataclass(frozen=True)
class Fold:
    """What a partition's ledger comes to, up to some offset."""

    last: Link | None = None
    version: int = 0
    standings: Mapping[str, Any] = field(default_factory=dict)
    # Tenant, user, metric and key; or the id of a forwarded event: id of the first.
    used: Mapping[tuple[str, ...], str] = field(default_factory=dict)


def folded(before: Fold, record: Any) -> Fold:
    """Return what it comes to with one more record that the chain admits."""
    last = (record["source"][0], record["source"][2], record["lane"])
    used, standings, version = dict(before.used), dict(before.standings), before.version
    if record["id"] != "-".join(map(str, record["source"])):
        used.setdefault((record["id"],), record["id"])
    if record["outcome"] == "applied":
        for entry in record["entries"]:
            if entry["kind"] == "definitions":
                version = entry["version"]
        user = record["user"]
        if user is not None:
            standings[user] = evolve_record(standings.get(user), record)
        if "key" in record:
            use = (record["tenant"], user, record["input"]["metric"], record["key"])
            used[use] = record["id"]
    return replace(before, last=last, version=version, standings=standings, used=used)
