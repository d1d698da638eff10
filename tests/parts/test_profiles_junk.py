"""What is on the profiles topic and is no profile: passed over, whatever it is."""

from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY
from wording.junk import JUNK

from broker.batches import Unreadable
from projections.profiles import merge_profiles

NOON = 1_772_452_800_000
GOOD = b'{"tenant":"default","user":"ada","name":"Ada"}'
NO_PROFILES = [
    *(it for it in JUNK if it is not None),
    b"1",
    b'"text"',
    b"null",
    b"[]",
    b'["tenant"]',
    b'{"user":5}',
    b'{"user":"ada","tenant":5}',
    b'{"user":"ada","tenant":[]}',
    b'{"user":"ada","tenant":"a b"}',
    b'{"user":""}',
    b'{"user":"ada","name":5}',
    b'{"user":"ada","points":1000}',
    b'{"user":"a\\u0000b"}',
    b'{"user":"ada","name":"' + b"n" * 2000 + b'"}',
    b'{"user":"ada","deviceTokens":[' + b",".join([b'"t"'] * 200) + b"]}",
]


def message(value, timestamp=NOON):
    return SimpleNamespace(value=value, timestamp=timestamp, offset=7)


def counted():
    return REGISTRY.get_sample_value("xp_projector_profiles_unreadable_total")


@pytest.mark.parametrize("value", [*NO_PROFILES, Unreadable("no UTF-8")])
def test_what_is_no_profile_is_counted_and_passed_over(value):
    before = counted()
    rows = merge_profiles({0: [message(value), message(GOOD), message(value)]})
    assert [(it["tenant"], it["user_id"], it["name"]) for it in rows] == [("default", "ada", "Ada")]
    assert counted() == before + 2


@pytest.mark.parametrize("timestamp", [2**63 - 1, -(2**63)])
def test_a_profile_of_no_time_at_all_is_none(timestamp):
    assert merge_profiles({0: [message(GOOD, timestamp)]}) == []


def test_a_tombstone_is_neither():
    before = counted()
    assert merge_profiles({0: [message(None)]}) == []
    assert counted() == before
