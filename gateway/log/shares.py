"""Who may wait for a verdict: as many as there is room for, and nobody at the cost of all others.

Each tenant, each partition and each tenant's events of one partition may hold no more than a
multiple of what is free. So whoever is stuck is stopped by their own waiters, and something is left
for the others: a half where one is stuck, a third where two are. A tenant who has next to nobody
waiting may wait in any case, even where many that are stuck have left nothing.
"""

from collections import Counter
from collections.abc import Hashable
from typing import Final

# What a tenant has waiting in one partition, what is waiting in that, and what a tenant has: up to
# so many times what is free. A tenant may hold a half of all in a stuck lane, a stuck lane three
# quarters, a tenant four fifths.
OF_BOTH: Final = 1
OF_PARTITION: Final = 3
OF_TENANT: Final = 4
# The part of all that a tenant may have waiting in any case: on top, up to as many again.
FEW: Final = 0.01


class Shares:
    """Counts who waits."""

    def __init__(self, most: int) -> None:
        """Take how many may wait at once."""
        self._most = most
        self._few = int(FEW * most)
        self._free = most
        # Only those who have somebody waiting are in it.
        self._held: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        """Return how many tenants, partitions and pairs of both have somebody waiting."""
        return len(self._held)

    def take(self, tenant: str, partition: int) -> bool:
        """Tell whether one more may wait for an event, and count it if so."""
        held, free = self._held, self._free
        both = (tenant, partition)
        is_crowded = (
            held[both] >= OF_BOTH * free
            or held[partition] >= OF_PARTITION * free
            or held[tenant] >= OF_TENANT * free
        )
        if is_crowded and (held[tenant] >= self._few or free <= -self._most):
            return False
        self._free = free - 1
        held[both] += 1
        held[partition] += 1
        held[tenant] += 1
        return True

    def give_back(self, tenant: str, partition: int) -> None:
        """Note that one no longer waits."""
        held = self._held
        self._free += 1
        for holder in ((tenant, partition), partition, tenant):
            if held[holder] > 1:
                held[holder] -= 1
            else:
                del held[holder]
