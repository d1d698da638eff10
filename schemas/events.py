"""What comes in: the inputs on xp.events, and the checks that need nothing but the input itself.

An input without `type` is a metric event, the one kind that producers publish. Whether the metric
and the attributes exist is a question to the definitions and answered where they are judged.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeVar

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from schemas.numbers import check_value
from schemas.periods import zone
from schemas.topics import DEFAULT_TENANT

KEY_PATTERN: Final = r"^[a-zA-Z0-9_-]+$"
USER_ID_MAX: Final = 255
IDEMPOTENCY_KEY_MAX: Final = 255
ATTRIBUTES_MAX: Final = 100
ATTRIBUTE_VALUE_MAX: Final = 1024

# How far an occurredAt may lie after the append time (semantics 20, OD-1).
FUTURE_SECONDS_MAX: Final = 300
YEAR_MIN: Final = 1900
YEAR_MAX: Final = 8999

RefusalCode = Literal["not_found", "invalid", "blocked"]


class Strict(BaseModel):
    """Frozen, and an unknown field is an error: a misspelt name must not lose data silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)


def _known_zone(name: str | None) -> str | None:
    if name is not None:
        zone(name)
    return name


def _no_boolean(value: object) -> object:
    # Numbers only: neither true nor "1", which a lax reading would take for a 1.
    if isinstance(value, bool | str):
        raise ValueError("must be a number")  # noqa: TRY004  pydantic collects ValueErrors only
    return value


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("must not be 0")
    return value


def _no_nul(text: str) -> str:
    # Postgres keeps no text with a NUL in it: refused at the door, not lost behind it.
    if "\0" in text:
        raise ValueError("must not contain the character U+0000")
    return text


def _text_only(value: object) -> object:
    # A number, or a text of digits, would be read as seconds since 1970.
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("must be an ISO 8601 date and time with offset")


def _bounded(at: datetime) -> datetime:
    # So far from the ends of the calendar that no zone and no period reaches over them.
    if not YEAR_MIN <= at.year <= YEAR_MAX:
        raise ValueError(f"must lie between the years {YEAR_MIN} and {YEAR_MAX}")
    return at


NoNul = AfterValidator(_no_nul)
Text = Annotated[str, NoNul]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_text_only, json_schema_input_type=AwareDatetime),
    AfterValidator(_bounded),
]
Key = Annotated[str, Field(pattern=KEY_PATTERN, max_length=255)]
UserId = Annotated[str, Field(min_length=1, max_length=USER_ID_MAX), NoNul]
TimeZone = Annotated[str | None, AfterValidator(_known_zone)]
Value = Annotated[
    Decimal,
    BeforeValidator(_no_boolean, json_schema_input_type=int | float),
    AfterValidator(check_value),
]
# As the ledger writes it: a decimal in a string, or a number.
Exact = Annotated[Decimal, AfterValidator(check_value)]
# Of many values, so that it may be greater than any of them.
Sum = Annotated[Decimal, Field(allow_inf_nan=False)]
IdempotencyKey = Annotated[str, Field(min_length=1, max_length=IDEMPOTENCY_KEY_MAX), NoNul]
Reason = Annotated[str, Field(min_length=1, max_length=1024), NoNul]
AttributeValue = Annotated[str, Field(max_length=ATTRIBUTE_VALUE_MAX), NoNul]
Attributes = Annotated[dict[Text, AttributeValue], Field(max_length=ATTRIBUTES_MAX)]
UserAttributes = Annotated[dict[Text, AttributeValue | None], Field(max_length=ATTRIBUTES_MAX)]


class EventUser(Strict):
    """The user of an event. What is given overwrites what is known, what is left out stays.

    `name`, `email`, `deviceTokens` and `subscribeToEmails` are personal: they go to the profile
    and never enter the ledger. `tz` and `attributes` are judged on and stay there.
    """

    id: UserId
    tz: TimeZone = None
    attributes: UserAttributes | None = None
    name: Annotated[str, Field(max_length=1024), NoNul] | None = None
    email: Annotated[str, Field(max_length=1024), NoNul] | None = None
    deviceTokens: Annotated[list[Text], Field(max_length=100)] | None = None
    subscribeToEmails: bool | None = None

    @property
    def tz_given(self) -> bool:
        """Whether a time zone was given; None, which clears it, is one."""
        return "tz" in self.__pydantic_fields_set__

    def profile(self) -> dict[str, object]:
        """Return the personal fields that were given."""
        given = self.__pydantic_fields_set__
        # Most events name the user, and say nothing else of them.
        if len(given) == 1:
            return {}
        return {name: getattr(self, name) for name in PERSONAL if name in given}


PERSONAL: Final = ("name", "email", "deviceTokens", "subscribeToEmails")


def _user_from_id(value: object) -> object:
    return {"id": value} if isinstance(value, str) else value


class MetricEvent(Strict):
    """Something that a user did: a change of one metric."""

    type: Literal["metric"] = "metric"
    tenant: Key = DEFAULT_TENANT
    user: Annotated[
        EventUser, BeforeValidator(_user_from_id, json_schema_input_type=UserId | EventUser)
    ]
    metric: Key
    # Left out: the metric's default increment, else 1 (semantics 20, OD-45).
    value: Value | None = None
    attributes: Attributes = {}
    # The instant; its offset says nothing about the user's time zone.
    occurredAt: Instant | None = None
    idempotencyKey: IdempotencyKey | None = None


class DefinitionsMarker(Strict):
    """From here on the partition is judged by this version of the tenant's definitions."""

    type: Literal["definitions"]
    tenant: Key = DEFAULT_TENANT
    version: Annotated[int, Field(ge=1, strict=True)]


class _OfUser(Strict):
    """An input about one user that says nothing else of them."""

    tenant: Key = DEFAULT_TENANT
    user: UserId
    idempotencyKey: IdempotencyKey | None = None


class AchievementCompletion(Strict):
    """An achievement of trigger `api` is completed (semantics 5)."""

    type: Literal["achievement"]
    tenant: Key = DEFAULT_TENANT
    user: Annotated[
        EventUser, BeforeValidator(_user_from_id, json_schema_input_type=UserId | EventUser)
    ]
    achievement: Key
    occurredAt: Instant | None = None
    idempotencyKey: IdempotencyKey | None = None


class Identification(Strict):
    """A user comes to be, or what is known of one changes, without anything being done."""

    type: Literal["user"]
    tenant: Key = DEFAULT_TENANT
    user: Annotated[
        EventUser, BeforeValidator(_user_from_id, json_schema_input_type=UserId | EventUser)
    ]
    idempotencyKey: IdempotencyKey | None = None


class Due(_OfUser):
    """A user's time has come to an instant at which something falls due. From the clock."""

    type: Literal["due"]
    at: Instant


class BoostDue(Strict):
    """A boost of everyone begins or ends. From the clock."""

    type: Literal["boost"]
    tenant: Key = DEFAULT_TENANT
    system: Key
    boost: Key
    change: Literal["started", "finished"]
    at: Instant


class Adjustment(_OfUser):
    """Points that an operator grants or, negative, deducts."""

    type: Literal["adjustment"]
    system: Key
    points: Annotated[int, Field(strict=True, ge=-(10**12), le=10**12), AfterValidator(_not_zero)]
    reason: Reason


class Correction(_OfUser):
    """An earlier event of the user is to count with another value; None reverses it.

    `was`, `metric`, `attributes`, `at` and `day` are those of that event as the ledger has it: who
    corrects looks them up (`broker.ledger`), the judge keeps which value it has come to.
    """

    type: Literal["correction"]
    event: Annotated[str, Field(pattern=r"^\d{1,9}-\d{1,9}-\d{1,18}$")]
    metric: Key
    was: Exact
    attributes: Attributes = {}
    at: Instant
    # The user's local date of that event; left out: the date of `at` in the user's zone of now.
    day: date | None = None
    value: Value | None = None
    reason: Reason


class FreezeGrant(_OfUser):
    """An operator grants one streak freeze."""

    type: Literal["freeze"]


class PauseAddition(_OfUser):
    """The streak is kept without activity on these local dates, both included."""

    type: Literal["pause"]
    id: Annotated[str, Field(min_length=1, max_length=64), NoNul]
    start: date
    end: date


class PauseRemoval(_OfUser):
    """A pause is no longer wanted."""

    type: Literal["pause_removal"]
    id: Annotated[str, Field(min_length=1, max_length=64), NoNul]


class StreakRestoration(_OfUser):
    """A lost streak is given back."""

    type: Literal["restore"]


class MetricPreference(Strict):
    """A user's own condition of the streak."""

    metric: Key
    threshold: Value


class StreakPreference(Strict):
    """What a user sets of the streak; what is left out stays as it is."""

    enabled: bool | None = None
    evaluationMode: Literal["AND", "OR"] | None = None
    metrics: Annotated[list[MetricPreference], Field(max_length=100)] | None = None


class Preferences(_OfUser):
    """A user's own streak settings (semantics 4). Other preferences are none of the rules'."""

    type: Literal["preferences"]
    streak: StreakPreference


class Backfill(_OfUser):
    """What a version of the definitions asks of a user's past, from the ledger up to its marker.

    `series` holds metric?filter -> subtotal and its highest value, for filters new in the version.
    """

    type: Literal["backfill"]
    version: Annotated[int, Field(ge=1, strict=True)]
    series: Annotated[dict[Text, tuple[Sum, Sum]], Field(max_length=1000)] = {}


class Backfilled(Strict):
    """Every user of this partition has got the backfill of a version."""

    type: Literal["backfilled"]
    tenant: Key = DEFAULT_TENANT
    version: Annotated[int, Field(ge=1, strict=True)]


class Hold(Strict):
    """Old events are coming: the clock waits with this partition. A second one says: no longer."""

    type: Literal["hold"]
    tenant: Key = DEFAULT_TENANT
    on: bool


OfUser = (
    AchievementCompletion
    | Identification
    | Due
    | Adjustment
    | Correction
    | FreezeGrant
    | PauseAddition
    | PauseRemoval
    | StreakRestoration
    | Preferences
    | Backfill
)
UserInput = MetricEvent | OfUser
# What is of a whole partition.
OfPartition = DefinitionsMarker | BoostDue | Backfilled | Hold
AnyInput = UserInput | OfPartition

_METRIC_EVENT: TypeAdapter[MetricEvent] = TypeAdapter(MetricEvent)
_TYPED: TypeAdapter[OfUser | OfPartition] = TypeAdapter(
    Annotated[OfUser | OfPartition, Field(discriminator="type")]
)


def user_of(given: UserInput) -> str:
    """Return the id of the user whom an input is of."""
    return given.user if isinstance(given.user, str) else given.user.id


class InvalidInputError(ValueError):
    """The bytes are no input; the message says what to change."""


def read_input(raw: bytes) -> AnyInput:
    """Read one record value of xp.events.

    Raises InvalidInputError with a sentence for the producer.
    """
    common = _read_common(raw)
    if common is not None:
        return common
    # A metric event need not say its type, and may have an attribute of that name.
    typed = _type_of(raw) in _TYPES
    try:
        return _TYPED.validate_json(raw) if typed else _METRIC_EVENT.validate_json(raw)
    except ValidationError as error:
        raise InvalidInputError(explain(error, typed=typed)) from error


_TYPES: Final = frozenset(
    {
        "achievement",
        "user",
        "due",
        "boost",
        "adjustment",
        "correction",
        "freeze",
        "pause",
        "pause_removal",
        "restore",
        "preferences",
        "backfill",
        "backfilled",
        "hold",
        "definitions",
    }
)


def _type_of(raw: bytes) -> str | None:
    if b'"type"' not in raw:
        return None
    try:
        told = orjson.loads(raw)
    except ValueError:
        return None
    kind = told.get("type") if isinstance(told, dict) else None
    return kind if isinstance(kind, str) else None


# What most events consist of; anything else in one is left to the models.
_COMMON: Final = frozenset(
    {"user", "metric", "value", "attributes", "occurredAt", "idempotencyKey", "tenant"}
)
_KEY: Final = re.compile(KEY_PATTERN)
_INSTANT: Final = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)$")
_INTEGER_MAX: Final = 10**15


def _read_common(raw: bytes) -> MetricEvent | None:
    """Read a metric event of the common form, None for whatever is not of it.

    It says what the models would say of the same bytes, at a third of the cost: judging spends more
    on them than on any rule. What is wrong in any way goes to the models, which know how to say so.
    """
    try:
        told = orjson.loads(raw)
        if not _COMMON.issuperset(told):
            return None
        user = _common_user(told["user"])
        metric = _common_key(told["metric"])
        tenant = _common_key(told["tenant"]) if "tenant" in told else DEFAULT_TENANT
        fields = {
            "type": "metric",
            "tenant": tenant,
            "user": user,
            "metric": metric,
            "value": _common_value(told["value"]) if "value" in told else None,
            "attributes": _common_attributes(told["attributes"]) if "attributes" in told else {},
            "occurredAt": _common_instant(told["occurredAt"]) if "occurredAt" in told else None,
            "idempotencyKey": _common_text(told["idempotencyKey"], IDEMPOTENCY_KEY_MAX)
            if "idempotencyKey" in told
            else None,
        }
    except (ValueError, TypeError, KeyError, _UncommonError):
        return None
    return _made(MetricEvent, fields, set(told))


class _UncommonError(Exception):
    """Something in an event is not of the common form."""


_ModelT = TypeVar("_ModelT", bound=BaseModel)


def _made(model: type[_ModelT], fields: dict[str, Any], given: set[str]) -> _ModelT:
    # What pydantic's model_construct does for fields that are complete, without looking at each.
    made = model.__new__(model)
    object.__setattr__(made, "__dict__", fields)
    object.__setattr__(made, "__pydantic_fields_set__", given)
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


# Remembered, like the keys below: the same ones come again and again.
@lru_cache(maxsize=65_536)
def _common_user(user: str) -> EventUser:
    fields = {
        "id": _common_text(user, USER_ID_MAX),
        "tz": None,
        "attributes": None,
        "name": None,
        "email": None,
        "deviceTokens": None,
        "subscribeToEmails": None,
    }
    return _made(EventUser, fields, {"id"})


@lru_cache(maxsize=4096)
def _common_key(key: str) -> str:
    # `$` would take a key with a newline after it.
    if _KEY.fullmatch(_common_text(key, USER_ID_MAX)) is None:
        raise _UncommonError
    return key


def _common_text(text: str, length_max: int) -> str:
    if type(text) is not str or not 0 < len(text) <= length_max or "\0" in text:
        raise _UncommonError
    return text


def _common_value(value: int) -> Decimal:
    if type(value) is not int or not -_INTEGER_MAX < value < _INTEGER_MAX:
        raise _UncommonError
    return Decimal(value)


def _common_instant(text: str) -> datetime:
    if _INSTANT.match(text) is None or text[-1] == "\n":
        raise _UncommonError
    return _bounded(datetime.fromisoformat(text))


def _common_attributes(attributes: dict[str, str]) -> dict[str, str]:
    if type(attributes) is not dict or len(attributes) > ATTRIBUTES_MAX:
        raise _UncommonError
    for key, text in attributes.items():
        if type(text) is not str or len(text) > ATTRIBUTE_VALUE_MAX or "\0" in text or "\0" in key:
            raise _UncommonError
    return attributes


def explain(error: ValidationError, *, typed: bool = False) -> str:
    """Return one sentence on the first few problems, naming the fields.

    `typed` is of an input whose type was told apart first: the paths begin with it.
    """
    parts = []
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    for problem in problems[:5]:
        loc = problem["loc"][1:] if typed else problem["loc"]
        path = ".".join(str(part) for part in loc if part != "function-before")
        where = path.replace("\0", "\\0")
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "unknown field"
        if problem["type"] == "missing":
            message = "is required"
        parts.append(f"{where}: {message}" if where else message)
    if len(problems) > len(parts):
        parts.append(f"and {len(problems) - len(parts)} more")
    return "; ".join(parts)
