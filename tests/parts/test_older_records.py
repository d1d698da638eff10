"""Records of versions 1 and 2 on one ledger partition: whoever folds them comes to the same."""

import json

import pytest
from parts.ledgers import LEDGERS, MIXES, lifted, lines, mixed, rulesets

from processor.judge import judge
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.rows import CORRECTED, DUE, KEY, META, USER
from processor.store import FORMAT_KEY, Store
from schemas.codec import read_record
from schemas.instants import DAY, MILLISECOND
from schemas.order import follows

KEPT_EVERY = 50
ROWS_MAX = 1_000_000


def folded(path, raws):
    """Fold raw records into a store as a lane does; return the state and what was skipped."""
    store = Store(path)
    state = PartitionState(store, 0, key_window_days=30)
    skipped = 0
    for offset, raw in enumerate(raws):
        record = read_record(raw)
        if follows(state.last, record):
            state.fold(record)
        else:
            skipped += 1
        if offset % KEPT_EVERY == 0:
            # Where it stands counts what is skipped too, and is no part of what is compared.
            state.keep(0, 0)
    state.keep(0, 0)
    return store, state, skipped


@pytest.fixture
def fold(tmp_path):
    """Give the fold into a new store each time, closed afterwards."""
    opened: list[Store] = []

    def made(raws):
        store, state, skipped = folded(tmp_path / str(len(opened)), raws)
        opened.append(store)
        return store.scan(b"", ROWS_MAX), state, skipped

    yield made
    for it in opened:
        it.close()


def test_versions_are_what_they_are_said_to_be():
    for mix, versions in (("version 1 throughout", {1}), ("two programs in turns", {1, 2})):
        assert {json.loads(it)["v"] for it in mixed("rules-0", mix)} == versions


@pytest.mark.parametrize("name", LEDGERS)
def test_every_mix_of_versions_leads_to_the_same_rows(fold, name):
    found = {mix: fold(mixed(name, mix)) for mix in MIXES}
    rows = found["version 2 throughout"][0]
    assert len(rows) > 3
    for mix, (others, _state, skipped) in found.items():
        assert (others == rows, skipped) == (True, 0), mix


def test_the_ledgers_have_rows_of_every_kind(fold):
    kinds = {key[:1] for name in LEDGERS for key, _row in fold(lines(name))[0]}
    assert kinds == {USER, KEY, CORRECTED, DUE, META, FORMAT_KEY[:1]}


@pytest.mark.parametrize("name", LEDGERS)
def test_what_did_not_come_to_be_is_skipped_in_whatever_version(fold, name):
    raws = mixed(name, "two programs in turns")
    rows, _state, _skipped = fold(raws)
    # A lane that slept judges once more what has been judged since, as another program.
    zombies = []
    for at, raw in enumerate(raws):
        zombies.append(raw)
        if at % 10 == 9:
            line = lines(name)[at - 1]
            zombies += [line, lifted(line)]
    others, _state, skipped = fold(zombies)
    assert skipped == len(zombies) - len(raws) > 0
    assert others == rows


@pytest.mark.parametrize("name", LEDGERS[1:])
def test_what_is_judged_afterwards_is_the_same(fold, name):
    rules = rulesets(name)
    context = LaneContext(0, 1, 0, "now", lambda _tenant, version: rules[version])
    judged = set()
    for mix in MIXES:
        _rows, state, _skipped = fold(mixed(name, mix))
        raws = []
        offset = state.next_source(0)
        for user in ("ada", "bob", "cy", "new"):
            for days, metric in ((0, "commits"), (9, "lines")):
                words = {"user": user, "metric": metric, "value": 2, "idempotencyKey": f"{days}"}
                appended = state.appended + days * (DAY // MILLISECOND)
                headers = (("xp-origin", b"http"),)
                message = Message(offset, appended, None, json.dumps(words).encode(), headers)
                raws.append(judge(context, state, message).raw)
                offset += 1
        judged.add(tuple(raws))
    (same,) = judged
    outcomes = {read_record(it).outcome for it in same}
    assert {"applied"} <= outcomes <= {"applied", "replayed", "refused"}
