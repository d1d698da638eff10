"""Time zones by their IANA names: local dates, midnights, dates that a zone skipped.

Zones come from the pinned tzdata package, never from the system, so that a replay on another
machine gives the same dates. What a period is stands in `periods`.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

from schemas.text import ZoneName

ONE_DAY = timedelta(days=1)
# More than any name has; a text of any length would be looked for on disk, and be told back.
NAME_LENGTH_MAX: Final = 100


class UnknownTimeZoneError(ValueError):
    """The name is no IANA time zone."""


@lru_cache(maxsize=1024)
def zone(name: ZoneName) -> ZoneInfo:
    """Return the zone of an IANA name, UnknownTimeZoneError if there is none."""
    if len(name) > NAME_LENGTH_MAX:
        raise UnknownTimeZoneError(f"must have at most {NAME_LENGTH_MAX} characters")
    parts = name.split("/")
    # A name is a path inside a package: nothing but plain segments may reach the loader.
    if not all(
        part and part.replace("_", "a").replace("-", "a").replace("+", "a").isalnum()
        for part in parts
    ):
        raise UnknownTimeZoneError(f"{name!r} is not an IANA time zone")
    source = resources.files("tzdata").joinpath("zoneinfo", *parts)
    try:
        with source.open("rb") as file:
            if file.read(4) != b"TZif":
                raise UnknownTimeZoneError(f"{name!r} is not an IANA time zone")
            file.seek(0)
            return ZoneInfo.from_file(file, key=name)
    except (OSError, ValueError) as error:
        raise UnknownTimeZoneError(f"{name!r} is not an IANA time zone") from error


def local_date(at: datetime, tz: ZoneName) -> date:
    """Return the local date of an instant."""
    if tz == "UTC" and at.tzinfo is UTC:
        return at.date()
    return at.astimezone(zone(tz)).date()


@lru_cache(maxsize=4096)
def midnight(day: date, tz: ZoneName) -> datetime:
    """Return the instant at which a local date begins."""
    return datetime.combine(day, time(), zone(tz)).astimezone(UTC)


@lru_cache(maxsize=4096)
def exists(day: date, tz: ZoneName) -> bool:
    """Tell whether a zone has a date: Pacific/Apia had no 2011-12-30."""
    # Its midnight and the next day's are the same instant then.
    here = zone(tz)
    start = datetime.combine(day, time(), here).astimezone(UTC)
    end = datetime.combine(day + ONE_DAY, time(), here).astimezone(UTC)
    return end > start
