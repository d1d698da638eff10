"""Shares of those who wait: whoever is stuck leaves room for the others."""

import random

from gateway.log.shares import Shares

MOST = 1000


def filled(shares, tenant, partition):
    """Have a tenant take all that they may have in a partition; return how many that were."""
    count = 0
    while shares.take(tenant, partition):
        count += 1
    return count


def test_one_stuck_partition_of_one_tenant_holds_half():
    shares = Shares(MOST)
    assert filled(shares, "a", 0) == MOST // 2
    # Its other partitions and the other tenants go on, those in the same partition too.
    assert shares.take("a", 1)
    assert shares.take("b", 0)
    assert shares.take("b", 1)


def test_a_stuck_partition_of_many_tenants_holds_three_quarters():
    shares = Shares(MOST)
    held = sum(filled(shares, f"t{number}", 0) for number in range(10))
    assert held == MOST * 3 // 4 + 8 * (MOST // 100)
    assert all(shares.take(f"t{number}", 1) for number in range(100))


def test_a_tenant_that_is_stuck_everywhere_holds_four_fifths():
    shares = Shares(MOST)
    held = sum(filled(shares, "a", partition) for partition in range(64))
    assert held <= MOST * 4 / 5 + 1
    assert not shares.take("a", 64)
    assert all(shares.take("b", partition) for partition in range(64))


def test_many_stuck_tenants_leave_room_for_one_more():
    shares = Shares(MOST)
    for tenant in range(20):
        for partition in range(8):
            filled(shares, f"t{tenant}", partition)
    # A few in any case, but not everyone in the world.
    assert filled(shares, "new", 8) == MOST // 100
    assert sum(filled(shares, f"more{number}", 0) for number in range(1000)) < MOST


def test_one_may_always_wait_where_nobody_does():
    shares = Shares(1)
    assert shares.take("a", 0)
    assert not shares.take("b", 1)
    shares.give_back("a", 0)
    assert shares.take("b", 1)


def test_what_is_given_back_is_free_again_and_nothing_is_kept_of_it():
    shares = Shares(MOST)
    waiting: list[tuple[str, int]] = []
    chance = random.Random(7)
    for _ in range(20_000):
        if waiting and chance.random() < 0.5:
            shares.give_back(*waiting.pop(chance.randrange(len(waiting))))
        else:
            one = (f"t{chance.randrange(50)}", chance.randrange(16))
            if shares.take(*one):
                waiting.append(one)
    assert len(waiting) > 50
    for one in waiting:
        shares.give_back(*one)
    assert len(shares) == 0
    assert filled(shares, "a", 0) == MOST // 2
