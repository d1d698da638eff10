"""Records of version 1 of the kinds that the recorded ledgers lack, by the released program too.

Forwarded and arrived ones, dead ones, what is of a whole partition, and a second tenant.
"""

from datetime import UTC, date, datetime

import pytest
from given import corrected, daily, due_at, game, per, points, progress, streak, total, user
from laws.log import ASKED, Rows
from msgspec.structs import replace
from reference.translation import input_of
from wording.ledgers import check_lifted, lines

from processor.judge import judge
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.rules import RULES
from processor.rules.compiling import compile_version
from processor.rules.evolve import evolve_record
from schemas.codec import read_record, write_input
from schemas.entries import (
    BackfilledEntry,
    BoostEntry,
    DefinitionsEntry,
    HoldEntry,
    StreakPreferences,
)
from schemas.inputs import (
    RecordedBackfilled,
    RecordedBoostDue,
    RecordedCorrection,
    RecordedEvent,
    RecordedHold,
    RecordedMarker,
    RecordedPreferences,
)
from schemas.numbers import read_number
from schemas.order import Link, link_of
from schemas.records import AnswerState, event_id_of, time_text
from schemas.streak_state import StreakState
from schemas.topics import HEADER_FORWARDED, HEADER_TIME
from schemas.versions import succeed

FILES = ("partition-of-one", "partition-of-two")
LINES = {name: lines(f"ledger-v1-kinds/{name}.ndjson") for name in FILES}


def record(name, at):
    """Return a record of a file by its offset."""
    return read_record(LINES[name][at])


def of_two(at):
    """Return a record of the partition that is one of two."""
    return record("partition-of-two", at)


@pytest.mark.parametrize("name", FILES)
def test_every_record_says_today_what_it_said_then(name):
    last = None
    for line in LINES[name]:
        lifted = read_record(line)
        check_lifted(line, lifted, last)
        last = link_of(lifted)


def test_the_first_record_names_no_predecessor_and_says_its_lane():
    first = of_two(0)
    assert (first.after, first.lane, link_of(first)) == (None, "lane-a", Link(1, 0, "lane-a"))
    assert (first.input, first.entries) == (RecordedMarker(1), [DefinitionsEntry(1)])
    second = of_two(1)
    assert (second.after, second.lane, link_of(second)) == (
        Link(1, 0, "lane-a"),
        None,
        Link(1, 1, "lane-a"),
    )


def test_an_event_that_was_forwarded_has_no_entries_and_the_id_of_where_it_stands():
    forwarded = of_two(1)
    assert (forwarded.outcome, forwarded.user, forwarded.entries) == ("forwarded", "u5", [])
    assert (forwarded.id, event_id_of(forwarded)) == (None, "1-0-1")
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert forwarded.input == RecordedEvent("commits", read_number("1.5"), occurredAt=noon)
    assert forwarded.appended == 1_772_452_801_001


def test_an_event_that_arrived_has_the_id_and_the_time_of_where_it_was_found():
    arrived = of_two(2)
    assert (arrived.id, event_id_of(arrived)) == ("1-1-4", "1-1-4")
    assert link_of(arrived) == Link(1, 2, "lane-a")
    assert time_text(arrived) == "2026-03-02T11:59:50Z"
    assert arrived.entries == [
        user(created=True, day="2026-03-02"),
        total(2.5, 2.5),
        streak("started", 1, "2026-03-02", "2026-03-02"),
        streak("started", 1, "2026-03-02", "2026-03-02", frequency="weekly", quiet=True),
        streak("started", 1, "2026-03-01", "2026-03-02", frequency="monthly", quiet=True),
        points(40, 40, boosts=["b0"]),
        due_at("2026-03-04T00:00:00Z"),
    ]
    day = date(2026, 3, 2)
    shown = StreakState("daily", 1, day, day, day, date(2026, 3, 3))
    assert arrived.state == AnswerState(shown, read_number("2.5"))


@pytest.mark.parametrize(
    ("at", "reason"),
    [(3, "Invalid JSON: expected ident at line 1 column 2"), (4, "the record has no value")],
)
def test_a_dead_record_has_neither_user_nor_input(at, reason):
    dead = of_two(at)
    assert (dead.outcome, dead.reason, dead.user, dead.input) == ("dead", reason, None, None)
    assert (dead.entries, dead.definitions, dead.code) == ([], 0, None)


def test_what_is_of_a_whole_partition():
    boost, hold, release = of_two(5), of_two(6), of_two(7)
    first = datetime(2026, 3, 1, tzinfo=UTC)
    assert boost.input == RecordedBoostDue("xp", "b0", "started", first)
    assert (boost.outcome, boost.user, time_text(boost)) == (
        "forwarded",
        None,
        "2026-03-01T00:00:00Z",
    )
    assert (hold.input, hold.entries) == (RecordedHold(on=True), [HoldEntry(on=True)])
    assert (release.input, release.entries) == (RecordedHold(on=False), [HoldEntry(on=False)])
    done, again = of_two(9), of_two(10)
    assert (done.input, done.entries) == (RecordedBackfilled(2), [BackfilledEntry(2)])
    assert (again.outcome, again.entries) == ("replayed", [])


def test_a_boost_of_everyone():
    started, again, finished = (record("partition-of-one", at) for at in (1, 2, 3))
    assert (started.outcome, started.user) == ("applied", None)
    assert started.entries == [BoostEntry("xp", "b0", "started")]
    assert (again.outcome, again.entries) == ("replayed", [])
    assert finished.entries == [BoostEntry("xp", "b0", "finished")]
    assert time_text(finished) == "2026-03-02T00:00:00.250000Z"


def test_of_another_tenant():
    marker, refused, counted = of_two(11), of_two(12), of_two(13)
    assert {it.tenant for it in (marker, refused, counted)} == {"acme"}
    assert refused.input == RecordedPreferences(StreakPreferences(enabled=True))
    assert (refused.outcome, refused.code) == ("refused", "not_found")
    assert counted.entries == [
        user(created=True, day="2026-03-02"),
        total(0.1, 0.1),
        progress(
            daily=("2026-03-02", 0.1), weekly=("2026-03-02", 0.1), monthly=("2026-03-01", 0.1)
        ),
    ]


def test_the_reversal_of_an_event_that_arrived_from_elsewhere():
    reversal = of_two(14)
    assert reversal.input == RecordedCorrection(
        "1-1-4",
        "commits",
        read_number("2.5"),
        datetime(2026, 3, 2, 11, 59, 50, tzinfo=UTC),
        "oops",
        day=date(2026, 3, 2),
    )
    assert reversal.entries == [
        replace(corrected(2.5, 0, "1-1-4"), reason="oops"),
        total(-2.5, 0, peaks={"commits": 0}),
    ]
    own = evolve_record(evolve_record(None, of_two(2)), reversal)
    assert (own.series["commits"].total, own.series["commits"].peak) == (0, 0)
    assert own.points["xp"].total == 40


# Judged again


GAME = game(
    ["commits"],
    user=["team"],
    streak=daily("0.5", personalization=True),
    points={
        "xp": per(1, 10, boosts=[{"start": "2026-03-01", "end": "2026-03-05", "multiplier": 2}])
    },
)
LATER = game(["commits"], user=["team"], achievements=[{"key": "a", "metricValue": 5}])


def rulesets():
    """Return the versions that were in force, compiled, by tenant and number."""
    first = succeed(None, GAME, "default", datetime(2026, 3, 1, tzinfo=UTC))
    second = succeed(first, LATER, "default", datetime(2026, 3, 2, tzinfo=UTC))
    acme = succeed(None, GAME, "acme", datetime(2026, 3, 1, tzinfo=UTC))
    return {(it.tenant, it.version): compile_version(it) for it in (first, second, acme)}


@pytest.mark.parametrize(("name", "partitions"), [("partition-of-one", 1), ("partition-of-two", 2)])
def test_judged_again_every_input_leads_to_the_same_record(name, partitions):
    known = rulesets()
    lane = "lane-a" if partitions == 2 else "lane-b"
    context = LaneContext(
        0, partitions, 1, lane, lambda tenant, number: known.get((tenant, number))
    )
    state = PartitionState(Rows(), 0)
    for at in range(len(LINES[name])):
        wanted = record(name, at)
        headers: tuple[tuple[str, bytes], ...] = ASKED
        if wanted.id is not None:
            # It was found elsewhere before it came here.
            time = str(wanted.appended).encode()
            headers += ((HEADER_FORWARDED, wanted.id.encode()), (HEADER_TIME, time))
        value = None if wanted.input is None else write_input(input_of(wanted))
        sent_at = wanted.appended + 1 if wanted.id else wanted.appended
        found = judge(context, state, Message(at, sent_at, None, value, headers)).record
        # Of what cannot be read the ledger keeps nothing but why.
        reason = "the record has no value" if wanted.input is None else wanted.reason
        assert found == replace(wanted, rules=RULES, reason=reason)
