"""Whatever happens, every reader has each balance and each sum of awards of a user exactly."""

import os

from given import Decided, correct, event, every, game, given, grant
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from wording.states import copy_of

from processor.rules.left import Refused
from schemas.entries import PointsEntry
from schemas.numbers import WHOLE_MAX

EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "150"))
# The most that definitions let one trigger award, and how often that fits.
MOST = 10**12
FULL = WHOLE_MAX // MOST
BOOST = {"start": "2026-03-01", "multiplier": "99.99"}

VALUES = st.sampled_from([0, 1, 7, FULL // 2, FULL, FULL + 1, 10**15 - 1, -1, -FULL, 0.5])
COUNTS = st.sampled_from([1, 5, MOST, WHOLE_MAX // 3, WHOLE_MAX // 2, WHOLE_MAX])
POINTS = st.sampled_from([1, -1, 7, MOST, -MOST, MOST // 3])


@st.composite
def games(draw):
    """Draw a game that gives a lot, and takes a lot."""
    systems = {}
    for key in ("xp", "care"):
        triggers: list = [
            {"metricThreshold": draw(st.sampled_from([1, 3])), "points": draw(POINTS)}
        ]
        triggers += [{"points": draw(POINTS)}] * draw(st.integers(0, 1))
        triggers += [every(draw(POINTS), hours=draw(st.sampled_from([1, 5])))] * draw(
            st.integers(0, 1)
        )
        triggers += [{"achievement": "a", "points": draw(POINTS)}] * draw(st.integers(0, 1))
        system: dict = {"triggers": triggers, "boosts": [BOOST] * draw(st.integers(0, 2))}
        cap = draw(st.sampled_from([None, None, 7, MOST, WHOLE_MAX]))
        systems[key] = {**system, "maxPoints": cap} if cap else system
    return game(achievements=[{"key": "a", "metricValue": 7}], points=systems)


@st.composite
def stories(draw):
    """Draw what happens, in the order of time."""
    found = []
    for hour in range(draw(st.integers(1, 12))):
        at = f"2026-03-{2 + hour:02}T12:00:00Z"
        match draw(st.integers(0, 4)):
            case 0:
                found.append(grant(draw(COUNTS), at))
            case 1:
                found.append(grant(-draw(COUNTS), at, system="care"))
            case 2:
                events = [it for it in found if "type" not in it.words]
                if events:
                    of = draw(st.sampled_from(events))
                    found.append(correct(draw(VALUES), of, at, event=f"0-0-{found.index(of)}"))
            case _:
                found.append(event(draw(VALUES), at))
    return [event(0), *found, event(0, "2026-04-01")]


@settings(max_examples=EXAMPLES, deadline=None)
@drawn(definitions=games(), story=stories())
def test_after_any_story_readers_have_every_balance_and_every_sum_exactly(definitions, story):
    own = given(definitions)
    sums: dict[str, int] = {}
    balances: dict[str, int] = {}
    for sent in story:
        before = copy_of(own.own)
        found = own.try_(sent)
        if not isinstance(found, Decided):
            assert own.own == before
            assert not isinstance(found, Refused) or found.reason
            continue
        for entry in found.entries:
            if isinstance(entry, PointsEntry):
                balance = balances.get(entry.system, 0) + entry.awarded
                balances[entry.system] = balance
                sums[entry.system] = sums.get(entry.system, 0) + abs(entry.awarded)
                assert entry.awarded
                assert entry.total == balance
        for system, held in found.own.points.items():
            assert (held.total, held.moved) == (balances[system], sums[system])
        assert all(0 <= it <= WHOLE_MAX for it in (*balances.values(), *sums.values()))
