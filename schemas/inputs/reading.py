"""From the bytes of one record of xp.events to an input, or to a sentence that says what to change.

Metric events of the common form, which is most of what comes, are read at once. Whatever is not of
it is looked at field by field, so that all that is wrong with it can be told together.
"""

from typing import Final, get_args

from msgspec import MsgspecError, convert
from msgspec.json import Decoder

from schemas.inputs import (
    AnyInput,
    Backfill,
    Correction,
    Due,
    MetricEvent,
    Preferences,
    TypedInput,
    explaining,
)
from schemas.inputs.base import DEFAULT_TENANT, Problem
from schemas.inputs.explaining import NotJsonError
from schemas.instants import InvalidInstantError, read_datetime
from schemas.numbers import VALUE_MAX, number
from schemas.text import is_key

_METRIC_EVENT: Final = Decoder(MetricEvent)
_TYPED: Final[Decoder[TypedInput]] = Decoder(TypedInput)
_STRUCTS: Final[dict[str, type[AnyInput]]] = {
    str(it.__struct_config__.tag): it for it in get_args(TypedInput)
}
# No text holds what no door takes without an escape.
_ESCAPE: Final = b"\\u"


class InvalidInputError(ValueError):
    """The bytes are no input; the message says what to change.

    It may quote the input, for whoever sent it; `kind` does not, and is for the ledger.
    """

    def __init__(self, message: str, kind: str | None = None) -> None:
        super().__init__(message)
        self.kind = message if kind is None else kind


def _invalid(problems: list[Problem]) -> InvalidInputError:
    return InvalidInputError(explaining.sentence(problems), explaining.kinds(problems))


def read_input(raw: bytes) -> AnyInput:
    """Read one record value of xp.events. Raises InvalidInputError with a sentence."""
    try:
        event = _METRIC_EVENT.decode(raw)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_typed(raw)
    return event if _is_common(event, raw) else _read_carefully(raw)


def read_common(raw: bytes) -> MetricEvent | None:
    """Return a metric event of the common form; None for any other input, and for what is none."""
    try:
        event = _METRIC_EVENT.decode(raw)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return event if _is_common(event, raw) else None


def _is_common(event: MetricEvent, raw: bytes) -> bool:
    """Tell whether an event has no more to it than its types say."""
    value = event.value
    # A decimal may have come as a text, and may have another form.
    if not (value is None or (isinstance(value, int) and -VALUE_MAX < value < VALUE_MAX)):
        return False
    if not is_key(event.metric) or (event.tenant != DEFAULT_TENANT and not is_key(event.tenant)):
        return False
    if event.occurredAt is not None:
        try:
            read_datetime(event.occurredAt)
        except InvalidInstantError:
            return False
    user = event.user
    return _ESCAPE not in raw and (isinstance(user, str) or not any(user.problems()))


def _read_typed(raw: bytes) -> AnyInput:
    try:
        given = _TYPED.decode(raw)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_carefully(raw)
    # Of the clock's inputs there may be one for each of a million users.
    if isinstance(given, Due) and _ESCAPE not in raw and not any(given.problems()):
        return given
    return _read_carefully(raw)


def _read_carefully(raw: bytes) -> AnyInput:
    try:
        value = explaining.read_json(raw)
    except NotJsonError as error:
        raise InvalidInputError(str(error)) from error
    if not isinstance(value, dict):
        raise InvalidInputError("an input must be a JSON object")
    kind = value.get("type")
    struct = _STRUCTS.get(kind, MetricEvent) if isinstance(kind, str) else MetricEvent
    problems = [*explaining.text_problems(value), *explaining.shape_problems(value, struct)]
    if problems:
        raise _invalid(problems)
    given: AnyInput = convert(value, struct)
    problems = list(given.problems())
    if problems:
        raise _invalid(problems)
    return _with_numbers(given)


def _with_numbers(given: AnyInput) -> AnyInput:
    """Return an input whose numbers have their one form."""
    match given:
        case MetricEvent():
            given.value = None if given.value is None else number(given.value)
        case Correction():
            given.was = number(given.was)
            given.value = None if given.value is None else number(given.value)
        case Preferences():
            for it in given.streak.metrics or ():
                it.threshold = number(it.threshold)
        case Backfill():
            given.series = {
                name: (number(total), number(peak)) for name, (total, peak) in given.series.items()
            }
        case _:
            # The others have whole numbers only.
            pass
    return given
