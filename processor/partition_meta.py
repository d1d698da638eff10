"""What is kept of a partition as a whole: one row of its store.

Kept as msgpack in the order of the fields: a new field goes to the end and has a default.
"""

from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

from schemas.instants import Micros, Millis
from schemas.records import Link
from schemas.text import BoostKey, SystemKey, TenantKey

# A boost of everyone: system/boost.
BoostPath = str


class HoldState(NamedTuple):
    """Whether old events are coming, for which the clock waits."""

    on: bool
    # Append time of the input that said so, or of the last old event since.
    since: Millis


class BoostChange(NamedTuple):
    """The last that was recorded of a boost of everyone."""

    change: str
    # The instant that had fallen due.
    at: Micros


class PartitionMeta(Struct, array_like=True):
    """A partition's row about itself."""

    # Offset of the next ledger record; offset and link of the last one applied.
    ledger: int = 0
    applied: int = 0
    last: Link | None = None
    # Append time of the event of the last record applied, and the latest day among all.
    appended: Millis = 0
    day: int = 0
    # The version of the definitions in force.
    versions: dict[TenantKey, int] = {}
    # The last version whose backfill every user of the partition has got.
    backfilled: dict[TenantKey, int] = {}
    boosts: dict[TenantKey, dict[BoostPath, BoostChange]] = {}
    hold: HoldState = HoldState(on=False, since=0)


write_meta: Final = Encoder().encode
read_meta: Final = Decoder(PartitionMeta).decode


def boost_path(system: SystemKey, boost: BoostKey) -> BoostPath:
    """Return what a boost is known by within its tenant."""
    return f"{system}/{boost}"
