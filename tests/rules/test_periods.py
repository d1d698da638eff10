"""The calendar: days, weeks and months of a time zone, with all that time zones do to them."""

from datetime import UTC, date, datetime

import pytest

from schemas.periods import last_date, next_period, period_of, previous_period
from schemas.zones import UnknownTimeZoneError, local_date, zone


@pytest.mark.parametrize(
    ("instant", "tz", "day"),
    [
        # Berlin, the night in which 02:00 becomes 03:00, and the one in which 03:00 becomes 02:00.
        ("2026-03-28T22:59:59Z", "Europe/Berlin", "2026-03-28"),
        ("2026-03-28T23:00:00Z", "Europe/Berlin", "2026-03-29"),
        ("2026-03-29T21:59:59Z", "Europe/Berlin", "2026-03-29"),
        ("2026-03-29T22:00:00Z", "Europe/Berlin", "2026-03-30"),
        ("2026-10-24T22:00:00Z", "Europe/Berlin", "2026-10-25"),
        ("2026-10-25T22:59:59Z", "Europe/Berlin", "2026-10-25"),
        ("2026-10-25T23:00:00Z", "Europe/Berlin", "2026-10-26"),
        # Half and quarter hours.
        ("2026-03-01T18:29:59Z", "Asia/Kolkata", "2026-03-01"),
        ("2026-03-01T18:30:00Z", "Asia/Kolkata", "2026-03-02"),
        ("2026-03-01T18:15:00Z", "Asia/Kathmandu", "2026-03-02"),
        ("2026-07-01T13:29:59Z", "Australia/Lord_Howe", "2026-07-01"),
        ("2026-07-01T13:30:00Z", "Australia/Lord_Howe", "2026-07-02"),
        # The date line.
        ("2026-03-01T10:00:00Z", "Pacific/Kiritimati", "2026-03-02"),
        ("2026-03-01T10:59:59Z", "Pacific/Pago_Pago", "2026-02-28"),
        # Apia went from the 29th to the 31st.
        ("2011-12-30T09:59:59Z", "Pacific/Apia", "2011-12-29"),
        ("2011-12-30T10:00:00Z", "Pacific/Apia", "2011-12-31"),
    ],
)
def test_an_instant_has_one_local_date(instant, tz, day):
    assert local_date(datetime.fromisoformat(instant), tz).isoformat() == day


@pytest.mark.parametrize(
    ("day", "frequency", "week_start", "first", "last"),
    [
        ("2026-03-04", "daily", "monday", "2026-03-04", "2026-03-04"),
        ("2026-03-04", "weekly", "monday", "2026-03-02", "2026-03-08"),
        ("2026-03-04", "weekly", "sunday", "2026-03-01", "2026-03-07"),
        ("2026-03-01", "weekly", "monday", "2026-02-23", "2026-03-01"),
        ("2026-03-01", "weekly", "sunday", "2026-03-01", "2026-03-07"),
        ("2026-03-07", "weekly", "sunday", "2026-03-01", "2026-03-07"),
        ("2026-01-01", "weekly", "monday", "2025-12-29", "2026-01-04"),
        ("2026-02-28", "monthly", "monday", "2026-02-01", "2026-02-28"),
        ("2024-02-29", "monthly", "monday", "2024-02-01", "2024-02-29"),
        ("2025-12-31", "monthly", "sunday", "2025-12-01", "2025-12-31"),
    ],
)
def test_a_date_belongs_to_one_period(day, frequency, week_start, first, last):
    period = period_of(date.fromisoformat(day), frequency, week_start)
    assert (period.isoformat(), last_date(period, frequency).isoformat()) == (first, last)


@pytest.mark.parametrize(
    ("period", "frequency", "tz", "following"),
    [
        ("2024-02-28", "daily", "UTC", "2024-02-29"),
        ("2025-02-28", "daily", "UTC", "2025-03-01"),
        ("2025-12-31", "daily", "UTC", "2026-01-01"),
        ("2026-03-29", "daily", "Europe/Berlin", "2026-03-30"),
        ("2026-10-25", "daily", "Europe/Berlin", "2026-10-26"),
        # In Sao Paulo the clocks changed at midnight: the day began at one o'clock, but it was.
        ("2018-11-03", "daily", "America/Sao_Paulo", "2018-11-04"),
        ("2011-12-29", "daily", "Pacific/Apia", "2011-12-31"),
        ("2011-12-29", "daily", "Pacific/Pago_Pago", "2011-12-30"),
        ("2025-12-29", "weekly", "UTC", "2026-01-05"),
        ("2011-12-26", "weekly", "Pacific/Apia", "2012-01-02"),
        ("2024-01-01", "monthly", "UTC", "2024-02-01"),
        ("2025-12-01", "monthly", "UTC", "2026-01-01"),
    ],
)
def test_a_period_has_a_neighbour_on_either_side(period, frequency, tz, following):
    before, after = date.fromisoformat(period), date.fromisoformat(following)
    assert next_period(before, frequency, tz) == after
    assert previous_period(after, frequency, tz) == before


@pytest.mark.parametrize(
    "name",
    ["", "Berlin", "Europe", "Europe/", "/Europe/Berlin", "../UTC", "Europe/../UTC", "tzdata.zi",
     "zone.tab", "__init__", "a\0", "UTC ", "Ünited/Kingdom", "a" * 300],
)  # fmt: skip
def test_what_is_no_time_zone_is_refused(name):
    with pytest.raises(UnknownTimeZoneError):
        zone(name)


def test_a_zone_comes_from_the_pinned_package_and_not_from_the_system(monkeypatch):
    monkeypatch.setattr("zoneinfo.TZPATH", ())
    zone.cache_clear()
    assert datetime(2026, 1, 1, tzinfo=UTC).astimezone(zone("Europe/Berlin")).hour == 1
