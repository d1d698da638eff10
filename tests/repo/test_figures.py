"""The table and the chart of figures say what the results say, and call a miss a miss."""

import json
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.chart import chart, goodness
from benchmarks.events import REFERENCE, enlarged, evenly, reference
from benchmarks.history import Shape, _Copies
from benchmarks.http_rows import quantile
from benchmarks.path import _judged
from benchmarks.results import Figure, Results, read
from benchmarks.rows import BY_NAME
from benchmarks.table import BEGIN, END, MarkerError, markdown, write_between
from broker.partitions import partition_of
from ops.game_file import read_game
from schemas.codec import read_record, write_record
from schemas.entries import TotalEntry
from schemas.inputs import RecordedEvent
from schemas.instants import MILLISECOND, read_instant
from schemas.order import follows, link_of
from schemas.records import RECORD_VERSION, Link, Record, Source

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def measured(tmp_path):
    path = tmp_path / "results.json"
    results = Results(path, 1.0)
    results.record("reference", Figure([9.0, 10.0, 12.0], {"worker, events/s": [10.0, 30.0, 20.0]}))
    results.record("post-200-p99", Figure([25.0, 24.0, 26.0]))
    return path


def test_a_figure_is_the_median_of_its_rounds(measured):
    rows = read(measured)
    assert rows["reference"]["value"] == 10.0
    assert rows["reference"]["beside"]["worker, events/s"]["median"] == 20.0


def test_a_low_figure_is_good_where_low_is_good():
    low, high = BY_NAME["post-200-p99"], BY_NAME["reference"]
    assert low.reach
    assert low.moonshot
    assert high.reach
    assert low.reached(low.reach + 1) == "missed"
    assert low.reached(low.reach) == "reached"
    assert low.reached(low.moonshot) == "moonshot"
    assert high.reached(high.reach - 0.1) == "missed"
    assert high.reached(high.reach) == "reached"
    assert BY_NAME["one-user"].reached(1) == "stated"


def test_another_run_replaces_its_rows_alone(measured):
    Results(measured, 0.1).record("reference", Figure([5.0]))
    rows = read(measured)
    assert (rows["reference"]["value"], rows["reference"]["scale"]) == (5.0, 0.1)
    assert rows["post-200-p99"]["value"] == 25.0


def test_a_row_that_fails_keeps_its_older_figure_and_tells_why(measured):
    Results(measured, 1.0).fail("reference", "no broker")
    row = read(measured)["reference"]
    assert (row["value"], row["failed"]["reason"]) == (10.0, "no broker")


def test_the_table_has_every_row_and_stands_between_its_markers(measured):
    table = markdown(read(measured))
    assert all(row.what in table for row in BY_NAME.values())
    assert "| **25 ms** | missed |" in table
    document = write_between(f"before\n{BEGIN}\nfigures of then\n{END}\nafter\n", table)
    assert "figures of then" not in document
    assert document.startswith("before\n")
    assert document.endswith("after\n")
    assert write_between(document, table) == document


def test_the_published_table_and_chart_are_those_of_the_published_results():
    rows = read(DOCS / "performance.json")
    document = (DOCS / "performance.md").read_text()
    assert write_between(document, markdown(rows)) == document
    assert (DOCS / "performance.svg").read_text() == chart(rows)


def test_a_verdict_is_that_of_the_goals_of_now_not_of_when_it_was_measured(measured):
    rows = read(measured)
    rows["post-200-p99"]["verdict"] = "moonshot"
    assert "| **25 ms** | missed |" in markdown(rows)


def test_a_document_without_markers_is_not_written_to():
    with pytest.raises(MarkerError):
        write_between("no place", "table")


def test_the_chart_is_svg_with_a_bar_for_each_figure(measured):
    root = ET.fromstring(chart(read(measured)))
    texts = [it.text for it in root.iter("{http://www.w3.org/2000/svg}text")]
    assert BY_NAME["post-200-p99"].what in texts
    assert "25 ms" in texts


def test_the_chart_counts_half_as_good_alike_in_both_directions():
    low, high = BY_NAME["post-200-p99"], BY_NAME["reference"]
    assert low.reach
    assert high.reach
    assert goodness(low, 2 * low.reach) == goodness(high, high.reach / 2) == 0.5


def test_the_reference_rules_are_as_many_as_they_are_said_to_be():
    game = read_game(REFERENCE)
    triggers = [trigger for system in game.points for trigger in system.triggers]
    assert len(game.metrics) == 3
    assert len(game.achievements) == 8
    assert len(game.points) == 2
    assert len(triggers) == 8
    assert sum(bool(getattr(trigger, "eventAttributes", {})) for trigger in triggers) == 3
    assert sum(len(system.levels) for system in game.points) == 10


def test_the_enlarged_game_is_one_that_can_be_applied(tmp_path):
    path = tmp_path / "game.yaml"
    path.write_text(enlarged(10))
    game = read_game(path)
    assert (len(game.metrics), len(game.achievements)) == (30, 80)


def test_events_are_the_same_in_every_run_and_keys_differ_between_loads():
    assert reference(50, 10) == reference(50, 10)
    keys = {json.loads(line.value)["idempotencyKey"] for line in reference(50, 10, run="a")}
    assert keys.isdisjoint(
        json.loads(line.value)["idempotencyKey"] for line in reference(50, 10, run="b")
    )
    assert len(evenly([b"a", b"b"], "r")) == 2


def _judged_record(offset, user):
    return Record(
        RECORD_VERSION,
        Source(0, 1, offset),
        Link(0, offset - 1, "x") if offset else None,
        read_instant("2026-01-01T00:00:00Z") // MILLISECOND,
        definitions=1,
        rules=1,
        user=user,
        input=RecordedEvent("100 %"),
        entries=[TotalEntry("100 %", 1, 1, date(2026, 1, 1))],
        key="k" if user else None,
        lane=None if offset else "x",
    )


def test_copies_of_a_history_are_one_chain_with_users_in_their_partition_and_keys_of_their_own():
    raw = b"\n".join(
        write_record(_judged_record(offset, user))
        for offset, user in enumerate([None, "ann", "bob", "ann"])
    )
    copies = _Copies(raw, 1, 4, Shape(records=10))
    last, keys, users = None, set(), set()
    for offset in range(10):
        value = copies.record(offset)[1] if offset else copies.first(1)
        record = read_record(value)
        assert follows(last, record)
        last = link_of(record)
        assert last.offset == offset
        if offset:
            user = record.user
            assert user is not None
            assert partition_of(user.encode(), 4) == 1
            assert isinstance(record.input, RecordedEvent)
            assert record.input.metric == "100 %"
            keys.add(record.key)
            users.add(user)
    assert (len(keys), len(users)) == (9, 6)


def test_a_rate_holds_only_while_lag_does_not_grow():
    steady = [(at, 100 * at, 100 * at - 20, 100 * at - 30) for at in range(20)]
    growing = [(at, 100 * at, 100 * at - 20, 90 * at) for at in range(20)]
    slow_producer = [(at, 50 * at, 50 * at, 50 * at) for at in range(20)]
    assert _judged(100, steady).holds
    assert not _judged(100, growing).holds
    assert not _judged(100, slow_producer).holds


def test_a_quantile_lies_where_it_should():
    values = list(range(100))
    assert (quantile(values, 0.5), quantile(values, 0.99)) == (50, 99)
