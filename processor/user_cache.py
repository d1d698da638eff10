"""User states that were used lately, as live objects, within a budget of bytes.

A live object takes some ten times what its bytes in the store take.
"""

from typing import Final

from processor.rules.user_state import UserState
from schemas.text import UserPath

CACHE_BYTES: Final = 32 * 1024 * 1024
# What a live state takes for each of its bytes in the store, and whatever its size.
LIVE_FACTOR: Final = 7
LIVE_BYTES: Final = 500
# What a state is taken to have in the store before any is known.
STORED_BYTES: Final = 200


class CacheBudget:
    """How much memory the cached states of all partitions of one worker may take."""

    def __init__(self, size: int = CACHE_BYTES) -> None:
        """Set `size` bytes apart, to be shared evenly by the partitions that are assigned."""
        self._size = size
        self.shares = 0

    def users(self, stored_bytes: int) -> int:
        """Return how many states of this size in the store one partition may keep alive."""
        each = LIVE_BYTES + LIVE_FACTOR * stored_bytes
        return max(1, self._size // max(1, self.shares) // each)


class UserCache:
    """The states of a partition's users who were there lately.

    Two generations: when the young one is full it becomes the old one, and what was not used since
    then is forgotten. That is cheaper than moving each to the end of a queue.
    """

    def __init__(self, budget: CacheBudget) -> None:
        """Begin empty."""
        self._budget = budget
        self._generation_max = 1
        self.resize(STORED_BYTES)
        # Those used last; whoever is not among them is asked for by `get`.
        self.young: dict[UserPath, UserState] = {}
        self._old: dict[UserPath, UserState] = {}

    def get(self, who: UserPath) -> UserState | None:
        """Return a user's state if it is here."""
        found = self.young.get(who)
        if found is None:
            found = self._old.get(who)
            if found is not None:
                self.put(who, found)
        return found

    def put(self, who: UserPath, own: UserState) -> None:
        """Keep a state, for as long as there is room."""
        self.young[who] = own
        if len(self.young) >= self._generation_max:
            self._old, self.young = self.young, {}

    def remove(self, who: UserPath) -> None:
        """Forget a user's state."""
        self.young.pop(who, None)
        self._old.pop(who, None)

    def clear(self) -> None:
        """Forget all."""
        self.young = {}
        self._old = {}

    def resize(self, stored_bytes: int) -> None:
        """Take note of how many bytes a state has in the store, on average."""
        self._generation_max = max(1, self._budget.users(stored_bytes) // 2)
