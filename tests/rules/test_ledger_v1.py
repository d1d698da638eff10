"""Ledgers of version 1, as the released program wrote them: read, folded and judged again today.

`data/ledger-v1/` has for each ledger the records, the versions of definitions that were in force,
and where the users stood in the end. The program that wrote them concluded by the rules of then:
whatever is concluded differently today would have to be told of as a change of the rules.
"""

import json
from collections import Counter
from functools import cache
from typing import Any

import pytest
from laws.log import Log
from msgspec.structs import replace
from reference.translation import input_of
from wording.ledgers import DATA, as_today, as_version_1, check_lifted, lines

from processor.rules import RULES
from processor.rules.evolve import evolve_record
from processor.rules.user_state import read_user_state, write_user_state
from schemas.codec import read_record, read_version
from schemas.instants import from_millis
from schemas.order import link_of

FOLDER = "ledger-v1"
LEDGERS = sorted(
    it.name.removesuffix(".states.json.gz") for it in (DATA / FOLDER).glob("*.states.json.gz")
)
EACH = pytest.mark.parametrize("name", LEDGERS)


@cache
def records(name):
    """Return the lines of a ledger, each with the record that it is today."""
    return [(line, read_record(line)) for line in lines(f"{FOLDER}/{name}.ndjson.gz")]


@cache
def states(name):
    """Return where the users stood, by id, of those who were known."""
    known = json.loads(b"".join(lines(f"{FOLDER}/{name}.states.json.gz")))
    return {user: as_today(own) for user, own in known.items() if own}


def test_there_are_ledgers():
    assert len(LEDGERS) == 7
    assert sum(len(records(name)) for name in LEDGERS) > 11_000


@EACH
def test_every_record_says_today_what_it_said_then(name):
    last = None
    for line, record in records(name):
        check_lifted(line, record, last)
        last = link_of(record)


@EACH
def test_the_fold_of_the_records_is_where_the_users_stood(name):
    found: dict[str, Any] = {}
    for _, record in records(name):
        if record.outcome == "applied" and record.user is not None:
            found[record.user] = evolve_record(found.get(record.user), record)
    assert {user: as_version_1(own) for user, own in found.items()} == states(name)
    moved: Counter[tuple[str, str]] = Counter()
    for line, _ in records(name):
        old = json.loads(line)
        for entry in old["entries"] if old["outcome"] == "applied" else ():
            if entry["kind"] == "points":
                moved[old["user"], entry["system"]] += abs(entry["awarded"])
    for user, own in found.items():
        assert read_user_state(write_user_state(own)) == own
        assert {key: it.moved for key, it in own.points.items()} == {
            system: count for (who, system), count in moved.items() if who == user
        }


@EACH
def test_judged_again_every_input_leads_to_the_same_record(name):
    log = Log([read_version(line) for line in lines(f"{FOLDER}/{name}.versions.ndjson.gz")])
    for at, (_, record) in enumerate(records(name)):
        assert record.source.offset == at
        found = log.tell(input_of(record), from_millis(record.appended))
        # By newer rules, which say of no input anything else. What an answer needs is said too.
        assert found == replace(record, rules=RULES)
        if at % 7 == 0:
            log.keep()
    stood = {user: as_version_1(log.user_state(user)) for user in states(name)}
    assert stood == states(name)


def test_the_ledgers_have_nearly_all_there_is():
    every = [record for name in LEDGERS for _, record in records(name)]
    inputs = {it.input.__struct_config__.tag for it in every}
    entries = {entry.__struct_config__.tag for it in every for entry in it.entries}
    assert inputs == {
        "metric", "achievement", "user", "due", "adjustment", "correction", "freeze", "pause",
        "pause_removal", "restore", "preferences", "backfill", "definitions",
    }  # fmt: skip
    assert entries == {
        "user", "total", "progress", "streak", "freezes", "pauses", "preferences", "achievement",
        "points", "level", "correction", "backfill", "due", "boost", "definitions",
    }  # fmt: skip
    assert {it.outcome for it in every} == {"applied", "replayed", "refused"}
    assert {it.code for it in every} == {None, "not_found", "invalid", "blocked"}
