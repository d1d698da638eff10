"""Instants: integers inside, ISO 8601 text at the edges.

`Micros` counts microseconds since 1970 in UTC, `Millis` milliseconds, as the broker does. A
datetime is what an entry or a row holds.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

Micros = int
Millis = int
# Always in UTC.
Instant = datetime

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = 1_000
SECOND: Final = 1_000_000
HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR

# So far from the ends of the calendar that no zone and no period reaches over them.
YEAR_MIN: Final = 1900
YEAR_MAX: Final = 8999
DATE_MAX: Final = date(YEAR_MAX, 12, 31)

_FORM: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):\d\d(:\d\d([.,]\d+)?)?(?P<offset>Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE | re.ASCII,
)


# With Z or +00:00, without and with microseconds.
_COMMON_LENGTHS: Final = frozenset({20, 25, 27, 32})


class InvalidInstantError(ValueError):
    """A text is no instant; the message says what to change."""


def micros(at: datetime) -> Micros:
    """Return an instant, which has a zone, as microseconds since 1970."""
    span = at - EPOCH
    return (span.days * 86_400 + span.seconds) * SECOND + span.microseconds


def micros_of(span: timedelta) -> int:
    """Return a span of time in microseconds."""
    return (span.days * 86_400 + span.seconds) * SECOND + span.microseconds


def date_problem(day: date) -> str | None:
    """Return what is wrong with a date that was given, None for one that has periods around it."""
    if YEAR_MIN <= day.year <= YEAR_MAX:
        return None
    return f"must lie between the years {YEAR_MIN} and {YEAR_MAX}"


# Remembered, as are those below: the same few come again and again while a batch is worked on.
@lru_cache(maxsize=1024)
def instant(at: Micros) -> Instant:
    """Return an instant as a datetime in UTC."""
    return EPOCH + timedelta(microseconds=at)


def from_millis(at: Millis) -> Instant:
    """Return the instant of a broker's timestamp."""
    return EPOCH + timedelta(milliseconds=at)


def read_instant(text: str) -> Micros:
    """Read an instant with its offset from UTC, a seventh digit of a second and more left out.

    Raises InvalidInstantError.
    """
    return micros(read_datetime(text))


@lru_cache(maxsize=1024)
def read_datetime(text: str) -> Instant:
    """Read an instant as `read_instant` does, as a datetime in UTC."""
    if len(text) in _COMMON_LENGTHS and text[4] == text[7] == "-" and text[10] == "T":
        # In UTC, with no or six places: as nearly all are.
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            if at.tzinfo is UTC and YEAR_MIN <= at.year <= YEAR_MAX and text[11:13] != "24":
                return at
    found = _FORM.fullmatch(text)
    if found is None:
        raise InvalidInstantError("must be an ISO 8601 date and time with offset")
    if found["offset"] is None:
        raise InvalidInstantError("must have an offset from UTC, such as Z or +01:00")
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise InvalidInstantError(f"is no instant: {error}") from error
    problem = date_problem(at)
    if problem is not None:
        raise InvalidInstantError(problem)
    return at.astimezone(UTC)


@lru_cache(maxsize=256)
def write_instant(at: datetime) -> str:
    """Write an instant in UTC, with a fraction only where it has one."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat()[: -len("+00:00")] + "Z"


def write_micros(at: Micros) -> str:
    """Write an instant as `write_instant` does."""
    return write_instant(instant(at))
