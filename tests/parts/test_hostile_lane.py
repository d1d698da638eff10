"""Some thousand hostile records thrown at a lane; `make hostile-lane` throws millions."""

import pytest
from hostile.inputs import HEADER_VALUES, HEADERS, Thrown
from hostile.lane import throw
from hostile.lanes import Intake
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from wording import batches

COUNT = 1500


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_thrown_at_a_lane_it_makes_a_record_of_it(seed):
    with capture_logs():
        lane = throw(seed, 0, COUNT)
    # What is refused everywhere shows nothing.
    assert set(lane.outcomes) == {"applied", "replayed", "refused", "forwarded", "dead"}
    assert lane.outcomes["applied"] > COUNT / 50
    assert sum(lane.outcomes.values()) > COUNT


VALUES = st.binary(max_size=200) | st.none()
NAMES = st.sampled_from(HEADERS) | st.text(max_size=5)
HEADED = st.lists(st.tuples(NAMES, st.sampled_from(HEADER_VALUES) | VALUES), max_size=4)


@settings(max_examples=300)
@given(VALUES, VALUES, HEADED, st.booleans())
def test_any_bytes_keys_and_headers_are_one_record(key, value, headers, signed):
    lane = Intake()
    lane.take(Thrown(key, value, tuple(headers), signed))
    assert sum(lane.outcomes.values()) == 2


HEAD = batches.batch(*[(b"a", b"b", ())] * 3)[: batches.RECORDS_AT]


@settings(max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 7))
def test_any_bytes_in_a_batch_are_records_of_its_offsets(body, codec):
    head = bytearray(HEAD)
    head[batches.ATTRIBUTES_AT + 1] |= codec
    with capture_logs():
        assert Intake().take_batch(batches.sealed(bytes(head) + body), 0) <= 3
