"""Markers: from where on a partition is judged by which version, and what stops nobody."""

import json

import pytest
from parts.judged import HERE, HTTP, NOON, Lane
from wording.definitions import game

from processor.judge import judge
from processor.messages import LaneContext, MissingVersionError, UnusableVersionError
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.rules.compiling import compile_definitions
from schemas.entries import DefinitionsEntry
from schemas.inputs import RecordedMarker
from schemas.records import Link, event_id_of


@pytest.fixture
def lane(store):
    return Lane(store)


# Markers


def test_a_marker_puts_a_version_in_force_for_its_tenant_from_there_on(store):
    lane = Lane(store)
    lane.rulesets["default", 2] = compile_definitions(game(["stars"]), 2)
    lane.rulesets["acme", 5] = compile_definitions(game(["stars"]), 5)
    pending = lane.mark(2)
    record = pending.record
    assert (record.outcome, record.user, pending.key) == ("applied", None, b"default")
    assert (record.definitions, record.input) == (2, RecordedMarker(2))
    assert record.entries == [DefinitionsEntry(2)]
    assert lane.event(metric="stars").record.definitions == 2
    assert lane.event(tenant="acme", metric="stars").record.outcome == "refused"
    lane.mark(5, tenant="acme")
    assert lane.event(tenant="acme", metric="stars").record.definitions == 5


@pytest.mark.parametrize("version", [1, 2])
def test_a_marker_of_a_version_that_was_in_force_already_is_replayed(lane, version):
    lane.rulesets["default", 2] = lane.rulesets["default", 1]
    lane.mark(2)
    record = lane.mark(version).record
    assert (record.outcome, record.entries, record.definitions) == ("replayed", [], 2)
    assert lane.state.versions == {"default": 2}


def test_a_marker_of_a_version_that_was_not_read_yet_waits_and_changes_nothing(lane):
    before = lane.state.last
    with pytest.raises(MissingVersionError, match="version 3 of tenant 'default'"):
        lane.mark(3)
    assert (lane.state.last, lane.state.versions) == (before, {"default": 1})


def test_a_marker_of_a_version_that_does_not_exist_is_dead_and_stops_nobody(lane):
    raw = json.dumps({"type": "definitions", "version": 3}).encode()
    message = Message(lane.offset, NOON, None, raw, ())
    pending = judge(lane.context, lane.state, message, {("default", 3)})
    assert (pending.record.outcome, pending.sends[0].to) == ("dead", "dead-letters")
    assert pending.record.reason == "tenant 'default' has no version 3"
    lane.offset += 1
    assert lane.event().record.definitions == 1


def test_an_event_waits_for_the_version_in_force_after_a_restart(store, lane):
    lane.state.keep(1)
    again = PartitionState(store, 0)
    context = LaneContext(0, 1, 2, "new", lambda _tenant, _version: None)
    raw = json.dumps({"user": HERE, "metric": "commits"}).encode()
    with pytest.raises(MissingVersionError):
        judge(context, again, Message(1, NOON, None, raw, ()))
    assert again.last == Link(2, 0, "token")


def test_a_marker_is_judged_on_the_partition_where_it_stands(store):
    # Its key would put it elsewhere: there is one on every partition.
    for partition in (0, 1):
        lane = Lane(store, partition=partition, partitions=2)
        assert lane.state.versions == {"default": 1}


# Versions that cannot be judged by


class Unusable:
    """Finds no rules of one tenant: its definitions cannot be compiled."""

    def __init__(self, find, tenant):
        self._find = find
        self._tenant = tenant

    def __call__(self, tenant, version):
        if tenant == self._tenant:
            raise UnusableVersionError("a trigger of points that there are none of")
        return self._find(tenant, version)


@pytest.fixture
def spoilt(lane):
    """Give a lane whose version in force cannot be used, while that of acme can."""
    lane.rulesets["acme", 1] = lane.rulesets["default", 1]
    lane.mark(1, tenant="acme")
    lane.event(value=2)
    lane.context.ruleset = Unusable(lane.context.ruleset, "default")
    return lane


@pytest.mark.parametrize("headers", [(), HTTP])
def test_inputs_of_a_tenant_whose_version_cannot_be_used_are_dead_letters(spoilt, headers):
    before = spoilt.user_state()
    pending = spoilt.event(headers)
    record = pending.record
    assert (record.outcome, record.entries, record.user) == ("dead", [], None)
    reason = "the version in force cannot be used: a trigger of points that there are none of"
    assert record.reason == reason
    (letter,) = pending.sends
    assert (letter.to, letter.key) == ("dead-letters", event_id_of(record).encode())
    assert json.loads(letter.value) == {"user": HERE, "metric": "commits", "value": 1}
    assert dict(letter.headers)["xp-reason"] == reason.encode()
    assert spoilt.user_state() == before
    assert spoilt.ask("freeze").record.outcome == "dead"


def test_those_of_other_tenants_are_judged(spoilt):
    spoilt.event()
    record = spoilt.event(tenant="acme").record
    assert (record.outcome, record.definitions, record.tenant) == ("applied", 1, "acme")


def test_a_key_of_such_an_input_is_not_burnt(spoilt):
    assert spoilt.event(idempotencyKey="k").record.outcome == "dead"
    spoilt.context.ruleset = spoilt.context.ruleset._find
    assert spoilt.event(idempotencyKey="k").record.outcome == "applied"


def test_a_marker_of_a_version_that_cannot_be_used_is_dead_and_the_old_one_stays(lane):
    lane.context.ruleset = Unusable(lane.context.ruleset, "acme")
    pending = lane.mark(1, tenant="acme")
    record = pending.record
    assert (record.outcome, record.definitions, pending.sends[0].to) == ("dead", 0, "dead-letters")
    assert record.reason == (
        "version 1 of tenant 'acme' cannot be used: a trigger of points that there are none of"
    )
    assert lane.state.versions == {"default": 1}


def test_a_newer_version_that_can_be_used_ends_it(lane):
    find = lane.context.ruleset
    lane.rulesets["default", 2] = compile_definitions(game(["commits"]), 2)
    lane.context.ruleset = lambda tenant, version: (
        Unusable(find, "default")(tenant, version) if version == 1 else find(tenant, version)
    )
    assert lane.event().record.outcome == "dead"
    assert lane.mark(2).record.outcome == "applied"
    assert lane.event().record.outcome == "applied"
