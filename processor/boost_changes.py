"""When a boost of everyone begins and ends, and what is published of it. Pure.

Each is published once, when it has begun or ended in the last of all time zones.
"""

from datetime import UTC, date, datetime, time
from typing import Final, Literal, NamedTuple

import orjson

from processor.companions import KeyedInput
from processor.partition_meta import BoostChange
from processor.rules.ruleset import BoostRule
from schemas.instants import instant, write_instant
from schemas.text import BoostKey, SystemKey, TenantKey
from schemas.zones import ONE_DAY

# When the change of a boost of everyone is published: in the days around its dates, in UTC.
STARTED_AT: Final = time(10, tzinfo=UTC)
FINISHED_AT: Final = time(13, tzinfo=UTC)
# Of dates beyond nothing is published: they stand for always, and no input can name their instants.
FIRST_DATE: Final = date(1970, 1, 1)
LAST_DATE: Final = date(8999, 12, 30)


class BoostInput(NamedTuple):
    """What is to be published of a boost of everyone."""

    tenant: TenantKey
    system: SystemKey
    boost: BoostKey
    change: Literal["started", "finished"]
    at: datetime

    def keyed(self) -> KeyedInput:
        """Return key and value of the input."""
        value = {"type": "boost", **self._asdict(), "at": write_instant(self.at)}
        return self.tenant.encode(), orjson.dumps(value)


def change_of(
    boost: BoostRule, known: BoostChange | None, now: datetime
) -> tuple[Literal["started", "finished"], datetime] | None:
    """Return what is to be published of a boost of everyone, and since when; None for nothing.

    `known` is the last that was recorded of it. A boost that was over before its beginning was
    recorded is passed over; one that was moved to later dates begins again.
    """
    first = max(boost.start, FIRST_DATE)
    last = boost.end if boost.end is not None else date.max
    if first > LAST_DATE:
        return None
    started = datetime.combine(first - ONE_DAY, STARTED_AT)
    finished = datetime.combine(last + ONE_DAY, FINISHED_AT) if last <= LAST_DATE else None
    is_over = finished is not None and finished <= now
    if known is not None and known.change == "started":
        return ("finished", finished) if finished is not None and is_over else None
    if is_over or started > now:
        return None
    if known is not None and started <= instant(known.at):
        return None
    return "started", started
