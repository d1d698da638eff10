"""I9: what came out behind the ledger is what there is to tell, and always says the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from faults.owed import Owed
from faults.reading import Reading
from faults.world import HOOK, World

SHOWN_MAX = 3


class Downstream:
    """All notices, dead letters and webhooks of one world so far."""

    def __init__(
        self, world: World, reading: Reading, owed: Owed, tell: Callable[[str], None]
    ) -> None:
        """Compare with what is `owed`; violations are handed to `tell`."""
        self._world = world
        self._reading = reading
        self._owed = owed
        self._tell = tell
        # Topic -> id of a notice -> its content; and ids of dead letters.
        self._notices: dict[str, dict[str, Any]] = defaultdict(dict)
        self._letters: set[str] = set()

    async def read(self) -> None:
        """Read what came; raises as `Reading.ends` does."""
        topics = self._world.topics
        ends = await self._reading.ends(*topics.notices, topics.dead_letters)
        for (topic, _partition), messages in (await self._reading.up_to(ends)).items():
            for raw in messages:
                if topic == topics.dead_letters:
                    self._letters.add((raw.key or b"").decode())
                    continue
                notice = json.loads(raw.value or b"")
                known = self._notices[topic].setdefault(notice["id"], notice)
                if known != notice:
                    self._tell(f"I9 {topic}: {notice['id']} was told in two ways")

    def is_complete(self) -> bool:
        """Tell whether all that is owed has come."""
        owed = self._owed
        return (
            all(ids <= self._notices[topic].keys() for topic, ids in owed.notices.items())
            and owed.letters <= self._letters
            and all(owed.deliveries <= set(self._taken(hook)) for hook in self._hooks())
        )

    def check(self) -> None:
        """Compare what came with what is owed."""
        owed, receiver = self._owed, self._world.receiver
        for topic, ids in owed.notices.items():
            self._compare(f"notices on {topic}", ids, set(self._notices[topic]))
        self._compare("dead letters", owed.letters, self._letters)
        for hook in self._hooks():
            self._compare(f"webhook {hook}", owed.deliveries, set(self._taken(hook)))
        for fault in receiver.faults:
            self._tell(fault)
        receiver.faults = []

    def _hooks(self) -> tuple[str, ...]:
        """Return the paths of the webhooks whose messages are compared."""
        return (HOOK,) if "notify" in self._world.parts else ()

    def _taken(self, hook: str) -> Mapping[str, int]:
        return self._world.receiver.taken.get(hook, {})

    def _compare(self, what: str, due: set[str], found: set[str]) -> None:
        if missing := due - found:
            self._tell(f"I9 {what}: {len(missing)} missing, {sorted(missing)[:SHOWN_MAX]}")
        if extra := found - due:
            self._tell(f"I9 {what}: {len(extra)} too many, {sorted(extra)[:SHOWN_MAX]}")
