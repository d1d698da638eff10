"""Rules that break in the midst, and what a lane may do between two inputs.

Broken is the making of what the rules conclude (entries, and the parts of a user's state): there
is no rule that goes on without it, and it is found by its name in compiled modules too.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

from laws.log import Log

import processor.judge
import processor.rules.decide
import processor.rules.evolve
from schemas.entries import BaseEntry

# It asks what an entry is, and makes none; but the parts of states.
EVOLVE = "processor.rules.evolve"
PARTS = ("Balance", "LostStreak", "Series", "Track")


class BrokenError(Exception):
    """A rule broke, because it was asked to."""


class Breaking:
    """Raises once, when so many words have been made."""

    def __init__(self, after: int) -> None:
        """Let so many words be made before."""
        self._left = after
        self.has_raised = False

    def breaking(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that makes a word, unless it is time to raise."""

        def made(*given: Any, **named: Any) -> Any:
            if not self.has_raised:
                if not self._left:
                    self.has_raised = True
                    raise BrokenError
                self._left -= 1
            return make(*given, **named)

        return made


def places() -> Iterator[tuple[Any, str]]:
    """Yield every place where something is made on the way from an input to its record."""
    for name, module in sorted(sys.modules.items()):
        if name.startswith("processor.rules.") and name != EVOLVE:
            for word, found in sorted(vars(module).items()):
                if isinstance(found, type) and issubclass(found, BaseEntry):
                    yield module, word
    for part in PARTS:
        yield processor.rules.evolve, part
    yield processor.rules.decide, "AnswerState"
    yield processor.judge_partition, "DefinitionsEntry"
    yield processor.judge, "write_record"


@contextmanager
def broken(after: int) -> Iterator[Breaking]:
    """Let the rules break once, after so many words."""
    breaking = Breaking(after)
    with ExitStack() as stack:
        for module, word in places():
            made = breaking.breaking(getattr(module, word))
            stack.enter_context(patch.object(module, word, made))
        yield breaking


def meanwhile(log: Log, rng: Random) -> None:
    """Do what may happen between two inputs: the user who comes next is in memory, or is not."""
    chance = rng.random()
    if chance < 0.25:
        log.keep()
    elif chance < 0.35:
        log.keep()
        log.restart()
    elif chance < 0.45:
        log.state.users._cache.clear()
