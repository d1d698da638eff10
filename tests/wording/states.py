"""Where a user stands, in the words of tests; and what holds of everything that is decided."""

from datetime import date, datetime
from decimal import Decimal

from msgspec import to_builtins
from msgspec.structs import asdict

from processor.rules.evolve import evolve_record
from processor.rules.user_state import read_user_state, write_user_state
from schemas.codec import read_record, write_record
from schemas.inputs import RecordedDue
from schemas.instants import MILLISECOND, instant, write_micros
from schemas.numbers import WHOLE_MAX, number, write
from schemas.records import RECORD_VERSION, Record, Source

AS_THEY_ARE = (Decimal, date, datetime)


def in_words(own):
    """Return a user's state with dates, instants and numbers as texts; of points the balances."""
    return {
        **asdict(own),
        "time": write_micros(own.time),
        "due": None if own.due is None else write_micros(own.due),
        "born": None if own.born is None else own.born.isoformat(),
        "earned": None if own.earned is None else own.earned.isoformat(),
        "series": {key: (write(it.total), write(it.peak)) for key, it in own.series.items()},
        "points": {key: it.total for key, it in own.points.items()},
        "achievements": {key: write_micros(at) for key, at in own.achievements.items()},
    }


def check_decided(before, entries, own, at):
    """Hold what was decided of an input at an instant against what holds of every decision."""
    # The state is the fold of the entries, also of those that come from a record.
    record = record_of(entries, at)
    assert evolve_record(copy_of(before), record) == own
    again = read_record(write_record(record))
    assert again == record
    assert evolve_record(copy_of(before), again) == own
    assert copy_of(own) == own
    # Numbers have their one form.
    for it in numbers_in([to_builtins(part, builtin_types=AS_THEY_ARE) for part in (entries, own)]):
        assert type(it) is type(number(it))
        assert str(it) == str(number(it))
    # Readers have balances, and sums of what was awarded, exactly.
    for it in own.points.values():
        assert 0 <= it.total <= it.moved <= WHOLE_MAX


def record_of(entries, at):
    """Return a record of these entries whose event time is an instant."""
    given = RecordedDue(instant(at))
    appended = at // MILLISECOND
    return Record(
        RECORD_VERSION, Source(0, 0, 7), None, appended, 1, 1, "ada", given, entries, lane="lane"
    )


def copy_of(own):
    """Return a user's state as one of its own, and so as it comes back from the store."""
    return None if own is None else read_user_state(write_user_state(own))


def numbers_in(value):
    """Yield the decimals of plain values."""
    if isinstance(value, Decimal):
        yield value
    elif isinstance(value, dict):
        for it in value.values():
            yield from numbers_in(it)
    elif isinstance(value, list | tuple):
        for it in value:
            yield from numbers_in(it)
