"""What users and operators ask of streaks: freezes, pauses, restoring, personal settings."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from schemas.entries import EvaluationMode, StreakPreferences
from schemas.inputs.base import KnownUserInput, NumberIn, Problem, RecordedBase, date_problems
from schemas.numbers import value_problem
from schemas.text import KeyIn, PauseId, PauseIdIn

PREFERENCES_MAX = 100


class FreezeGrant(KnownUserInput, tag="freeze"):
    """An operator grants one streak freeze."""


class RecordedFreezeGrant(RecordedBase, tag="freeze"):
    """See FreezeGrant."""


class PauseAddition(KnownUserInput, tag="pause"):
    """The streak is kept without activity on these local dates, both included."""

    id: PauseIdIn
    start: date
    end: date

    def problems(self) -> Iterator[Problem]:
        """See Input."""
        yield from date_problems("start", self.start)
        yield from date_problems("end", self.end)


class RecordedPauseAddition(RecordedBase, tag="pause"):
    """See PauseAddition."""

    id: PauseId
    start: date
    end: date


class PauseRemoval(KnownUserInput, tag="pause_removal"):
    """A pause is no longer wanted."""

    id: PauseIdIn


class RecordedPauseRemoval(RecordedBase, tag="pause_removal"):
    """See PauseRemoval."""

    id: PauseId


class StreakRestoration(KnownUserInput, tag="restore"):
    """A lost streak is given back."""


class RecordedRestoration(RecordedBase, tag="restore"):
    """See StreakRestoration."""


class MetricPreferenceIn(Struct, forbid_unknown_fields=True, gc=False):
    """A user's own condition of the streak."""

    metric: KeyIn
    threshold: NumberIn


class StreakPreferencesIn(Struct, forbid_unknown_fields=True, gc=False):
    """What a user sets of the streak; what is left out stays as it is."""

    enabled: bool | None = None
    evaluationMode: EvaluationMode | None = None
    metrics: Annotated[list[MetricPreferenceIn], Meta(max_length=PREFERENCES_MAX)] | None = None


class Preferences(KnownUserInput, tag="preferences"):
    """A user's own streak settings. Other preferences are none of the rules'."""

    streak: StreakPreferencesIn

    def problems(self) -> Iterator[Problem]:
        """See Input."""
        for index, it in enumerate(self.streak.metrics or ()):
            problem = value_problem(it.threshold)
            if problem is not None:
                yield Problem(f"streak.metrics.{index}.threshold", problem)


class RecordedPreferences(RecordedBase, tag="preferences"):
    """See Preferences."""

    streak: StreakPreferences
