"""The user states that are kept alive: those used lately, and no more than there is room for."""

import json
import random
from typing import Any

import pytest
from parts.judged import DAY, NOON
from parts.states import PARTITION, fold, own_of, record, total
from wording.definitions import daily, game, per

from processor.judge import judge
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.rows import path_of
from processor.rules.compiling import compile_definitions
from processor.rules.user_state import UserState, write_user_state
from processor.store import Store
from processor.user_cache import CacheBudget, UserCache


def alive(cache):
    """Return who is alive."""
    return {*cache.young, *cache._old}


def cache_for(users, stored_bytes=100):
    """Return a cache with room for so many states of this size."""
    budget = CacheBudget(users * (500 + 7 * stored_bytes))
    budget.shares = 1
    cache = UserCache(budget)
    cache.resize(stored_bytes)
    return cache


def test_it_gives_the_very_state_that_it_was_given():
    cache, own = cache_for(4), UserState(0)
    cache.put("ada", own)
    assert cache.get("ada") is own
    assert cache.get("bob") is None


@pytest.mark.parametrize("users", [2, 10, 101])
def test_there_are_never_more_than_there_is_room_for(users):
    cache = cache_for(users)
    for number in range(5 * users):
        cache.put(str(number), UserState(number))
        assert len(alive(cache)) <= users
    assert len(alive(cache)) >= users // 2


def test_who_was_used_lately_stays_and_who_was_not_goes():
    cache = cache_for(10)
    cache.put("ada", own := UserState(0))
    cache.put("bob", UserState(0))
    for number in range(100):
        assert cache.get("ada") is own
        cache.put(str(number), UserState(number))
    assert cache.get("bob") is None


def test_one_is_kept_however_little_room_there_is():
    cache = UserCache(CacheBudget(0))
    for number in range(5):
        cache.put(str(number), UserState(number))
        assert alive(cache) == {str(number)}


def test_who_is_removed_is_gone_from_both_generations():
    cache = cache_for(4)
    for user in "abc":
        cache.put(user, UserState(0))
    assert (len(cache.young), len(cache._old)) == (1, 2)
    for user in "abc":
        cache.remove(user)
        assert cache.get(user) is None
    cache.put("a", UserState(0))
    cache.clear()
    assert not alive(cache)


def test_the_room_is_shared_by_the_partitions_of_a_worker():
    budget = CacheBudget(120_000)
    each = 500 + 7 * 100
    assert budget.users(100) == 120_000 // each == 100
    budget.shares = 4
    assert budget.users(100) == 25
    budget.shares = 1000
    assert budget.users(100) == 1


def test_larger_states_leave_room_for_fewer():
    cache = cache_for(100)
    for number in range(150):
        cache.put(str(number), UserState(number))
    cache.resize(10_000)
    for number in range(150):
        cache.put(str(number), UserState(number))
    assert len(alive(cache)) == 1


# Of a partition


def test_many_users_are_read_back_from_the_store(store):
    state = PartitionState(store, PARTITION, budget=CacheBudget(1))
    for offset in range(9):
        fold(state, record(offset, offset, user=f"u{offset}"))
    state.keep(9)
    assert len(alive(state.users._cache)) == 1
    assert [total(state, f"u{offset}") for offset in range(9)] == list(range(9))


def test_the_memory_of_hot_users_is_shared_by_a_workers_partitions(store):
    budget = CacheBudget(50_000)
    budget.shares = 2
    state = PartitionState(store, PARTITION, budget=budget)
    for offset in range(99):
        fold(state, record(offset, user=f"u{offset:02}"))
    state.keep(99)
    size = len(write_user_state(own_of(state, "u98")))
    users = 25_000 // (500 + 7 * size)
    assert budget.users(size) == users
    for offset in range(99):
        own_of(state, f"u{offset:02}")
        # At first there are those that the average size was not known for.
        assert offset < users or len(alive(state.users._cache)) <= users
    assert len(alive(state.users._cache)) >= users // 2


GAME = game(["commits"], streak=daily(maxFreezes=2, initialFreezes=1), points={"xp": per(2, 10)})


class Judge:
    """A partition that is judged with so much room for user states."""

    def __init__(self, path, room):
        self.store = Store(path)
        rules = compile_definitions(GAME, 1)
        self.context = LaneContext(0, 1, 0, "lane", lambda _tenant, _version: rules)
        self.state = PartitionState(self.store, 0, budget=CacheBudget(room))

    def judge(self, offset, words, timestamp):
        raw = json.dumps(words).encode()
        return judge(self.context, self.state, Message(offset, timestamp, None, raw, ())).raw


def test_who_is_alive_makes_no_difference_to_what_is_judged(tmp_path):
    dice = random.Random(7)
    users = [f"u{number}" for number in range(40)]
    judges = [Judge(tmp_path / str(room), room) for room in (1, 20_000, 32 * 1024 * 1024)]
    inputs: list[Any] = [{"type": "definitions", "version": 1}]
    for _ in range(600):
        words = {"user": dice.choice(users), "metric": "commits", "value": dice.randint(-1, 3)}
        # Some are refused, others replayed.
        words |= dice.choice([{}, {}, {}, {"attributes": {"x": "1"}}, {"idempotencyKey": "k"}])
        inputs.append(words)
    for offset, words in enumerate(inputs):
        timestamp = NOON + offset * DAY // 40
        raws = {it.judge(offset, words, timestamp) for it in judges}
        assert len(raws) == 1
        if dice.random() < 0.1:
            for it in judges:
                it.state.keep(offset + 1)
    states = [
        [write_user_state(it.state.users.get(path_of("default", user))) for user in users]
        for it in judges
    ]
    assert states[0] == states[1] == states[2]
    assert len(alive(judges[0].state.users._cache)) == 1
    for it in judges:
        it.store.close()
