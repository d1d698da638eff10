"""Events of metrics, and their corrections."""

from collections.abc import Iterator
from datetime import date
from typing import Literal

from msgspec import Struct

from schemas.inputs.base import (
    DEFAULT_TENANT,
    KnownUserInput,
    NumberIn,
    Problem,
    RecordedBase,
    date_problems,
)
from schemas.inputs.users import EventUser, RecordedUser
from schemas.instants import Instant, InvalidInstantError, read_instant
from schemas.numbers import Number, value_problem
from schemas.text import (
    AttributeKey,
    AttributesIn,
    AttributeText,
    EventId,
    EventIdIn,
    EventKeyIn,
    IdempotencyKeyIn,
    InstantIn,
    InstantText,
    KeyIn,
    MetricKey,
    Reason,
    ReasonIn,
    UserIdIn,
    is_key,
)


class MetricEvent(Struct, forbid_unknown_fields=True, gc=False):
    """Something that a user did: a change of one metric."""

    user: UserIdIn | EventUser
    metric: EventKeyIn
    # Left out: the metric's default increment, else 1.
    value: NumberIn | None = None
    attributes: AttributesIn = {}
    # Its offset says nothing about the user's time zone.
    occurredAt: InstantIn | None = None
    idempotencyKey: IdempotencyKeyIn | None = None
    tenant: EventKeyIn = DEFAULT_TENANT
    # It need not be said.
    type: Literal["metric"] = "metric"

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with it beyond its types."""
        for path, key in (("tenant", self.tenant), ("metric", self.metric)):
            if not is_key(key):
                yield Problem(path, "must have letters, digits, _ and - only, and at least one")
        if not isinstance(self.user, str):
            yield from self.user.problems()
        yield from _value_problems("value", self.value)
        yield from instant_problems("occurredAt", self.occurredAt)


class RecordedEvent(RecordedUser, tag="metric"):
    """See MetricEvent."""

    metric: MetricKey
    value: Number | None = None
    attributes: dict[AttributeKey, AttributeText] = {}
    occurredAt: Instant | None = None


class Correction(KnownUserInput, tag="correction", kw_only=True):
    """An earlier event of the user is to count with another value; None reverses it.

    `was`, `metric`, `attributes`, `at` and `day` are those of that event as the ledger has it: who
    corrects looks them up (`broker.ledger`), the judge keeps which value it has come to.
    """

    event: EventIdIn
    metric: KeyIn
    was: Number
    attributes: AttributesIn = {}
    at: InstantIn
    # The user's local date of that event; left out: the date of `at` in the user's zone of now.
    day: date | None = None
    value: NumberIn | None = None
    reason: ReasonIn

    def problems(self) -> Iterator[Problem]:
        """See Input."""
        yield from _value_problems("was", self.was)
        yield from _value_problems("value", self.value)
        yield from instant_problems("at", self.at)
        yield from date_problems("day", self.day)


class RecordedCorrection(RecordedBase, tag="correction"):
    """See Correction."""

    event: EventId
    metric: MetricKey
    was: Number
    at: Instant
    reason: Reason
    attributes: dict[AttributeKey, AttributeText] = {}
    day: date | None = None
    value: Number | None = None


def instant_problems(path: str, text: InstantText | None) -> Iterator[Problem]:
    """Yield why a text is no instant; None is fine."""
    if text is not None:
        try:
            read_instant(text)
        except InvalidInstantError as error:
            yield Problem(path, str(error))


def _value_problems(path: str, value: Number | None) -> Iterator[Problem]:
    problem = None if value is None else value_problem(value)
    if problem is not None:
        yield Problem(path, problem)
