"""Random histories for the laws: drawn by Hypothesis, judged, and shown where a law fails."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from laws.games import SEED, parts
from laws.log import Appended, Log
from laws.teller import Plan, Story, tell

from schemas.records import Record


def stories(*, steps: int = 16, **plan: Any) -> st.SearchStrategy[Story]:
    """Draw a history of a drawn game, of some so many steps."""
    # Lists of a few, one after the other: one list would mostly be a short one.
    few = st.lists(SEED, max_size=8)
    return st.builds(
        lambda made, head, *seeds: tell(made, Plan(**plan), head, [*chain(*seeds)]),
        parts(),
        SEED,
        *[few] * (steps // 4),
    )


def judged(story: Story, inputs: Sequence[Appended], **how: Any) -> tuple[Log, list[Record]]:
    """Return a log on which inputs were judged by a story's definitions, and their records."""
    explain(story)
    log = Log(story.versions, **how)
    return log, [log.tell(*it) for it in inputs]


def explain(story: Story) -> None:
    """Have Hypothesis show a history if a law fails on it."""
    for version in story.versions:
        note(f"version {version.version}: {version.model_dump_json(exclude_defaults=True)}")
    for (given, at), record in zip(story.inputs, story.records, strict=True):
        note(f"{at.isoformat()} {given} -> {record.outcome}")
