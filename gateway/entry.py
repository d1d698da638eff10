"""How a request gets in: its key, its tenant, and what its path and query stand for.

Dependencies of the handlers. They are coroutines, because the framework sends plain functions
through a pool of threads.
"""

import re
from datetime import date
from typing import Annotated, Final, NamedTuple
from urllib.parse import unquote

from fastapi import Depends, Header, Path, Query, Request, Security
from fastapi.security import APIKeyHeader
from pydantic import AfterValidator, BeforeValidator

from gateway.errors import ApiError
from gateway.parts import Parts
from gateway.summaries import Asked, check_range
from schemas.instants import YEAR_MAX, YEAR_MIN
from schemas.periods import Frequency
from schemas.text import KEY_PATTERN
from schemas.topics import DEFAULT_TENANT

_KEY: Final = re.compile(KEY_PATTERN)
# How the keys of applications begin: they are for the Application API alone.
_APPLICATION: Final = "app_"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_API_KEY: Final = APIKeyHeader(
    name="X-API-KEY", scheme_name="ApiKeyAuth", auto_error=False, description="`xp keys` makes one."
)


class Door(NamedTuple):
    """A request that was let in: the parts that serve it, and the tenant that it is about."""

    parts: Parts
    tenant: str


async def let_in(
    request: Request,
    key: Annotated[str | None, Security(_API_KEY)],
    tenant: Annotated[str | None, Header(alias="Tenant-ID")] = None,
) -> Door:
    """Check the key and the tenant; ApiError 401, 403 or 422 if not let in.

    A key of the default tenant acts for every tenant, any other for its own alone.
    """
    parts: Parts = request.app.state.parts
    caller = await parts.keys.caller(key)
    if caller is None:
        raise ApiError(401, "Send a valid API key in the header X-API-KEY; `xp keys` lists them.")
    if tenant is None or tenant == caller.tenant:
        return Door(parts, caller.tenant)
    if not _KEY.match(tenant):
        raise ApiError(422, "Tenant-ID: use letters, digits, - and _ only.")
    if caller.tenant != DEFAULT_TENANT:
        raise ApiError(403, "Tenant-ID: this API key belongs to another tenant.")
    return Door(parts, tenant)


async def let_admin_in(
    door: Annotated[Door, Depends(let_in)], key: Annotated[str | None, Security(_API_KEY)]
) -> Door:
    """Check further that the key is an administrator's; ApiError 403 for an application's."""
    if key is not None and key.startswith(_APPLICATION):
        raise ApiError(403, "An application's key does not open the Admin API.")
    return door


def _decoded(text: str) -> str:
    # The path is routed as it was sent (gateway.middleware), so that a value may hold a slash.
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise ApiError(404, "The path is not UTF-8.") from error


async def _user_id(id: Annotated[str, Path(description="The user's id.")]) -> str:  # noqa: A002  the contract's name
    return _decoded(id)


async def _key(key: Annotated[str, Path(description="The key.")]) -> str:
    return _decoded(key)


async def _incomplete(
    value: Annotated[
        str | None,
        Query(
            alias="includeIncomplete",
            description="`true` adds those that are not completed.",
            json_schema_extra={"enum": ["true"]},
        ),
    ] = None,
) -> bool:
    # Anything but the literal means completed only.
    return value == "true"


async def _attributes(
    value: Annotated[
        str | None,
        Query(
            alias="userAttributes",
            description="Attributes of a user: `city:london,plan:pro`. All have to match.",
        ),
    ] = None,
) -> dict[str, str] | None:
    if not value:
        return None
    found: dict[str, str] = {}
    for pair in value.split(","):
        key, colon, text = pair.partition(":")
        if not colon or not _KEY.match(key) or "\0" in text:
            raise ApiError(
                422, "userAttributes: must have the form key:value, several parted by commas."
            )
        found[key] = text
    return found


def _plain(value: object) -> object:
    # Nothing else that could be read as a date: neither an instant nor a number of seconds.
    if isinstance(value, str) and _DATE.fullmatch(value):
        return value
    raise ValueError("must be a date, YYYY-MM-DD")


def _bounded(day: date) -> date:
    # So far from the ends of the calendar that no period reaches over them.
    if not YEAR_MIN <= day.year <= YEAR_MAX:
        raise ValueError(f"must lie between the years {YEAR_MIN} and {YEAR_MAX}")
    return day


Day = Annotated[
    date, BeforeValidator(_plain, json_schema_input_type=date), AfterValidator(_bounded)
]


async def _range(
    aggregation: Annotated[Frequency, Query(description="How long the periods are.")],
    start: Annotated[Day, Query(alias="startDate", description="The first date.")],
    end: Annotated[
        Day, Query(alias="endDate", description="The last date, at most 400 days later.")
    ],
) -> Asked:
    asked = Asked(aggregation, start, end)
    check_range(asked)
    return asked


LetIn = Annotated[Door, Depends(let_in)]
LetAdminIn = Annotated[Door, Depends(let_admin_in)]
UserId = Annotated[str, Depends(_user_id)]
Key = Annotated[str, Depends(_key)]
Incomplete = Annotated[bool, Depends(_incomplete)]
UserAttributes = Annotated[dict[str, str] | None, Depends(_attributes)]
Range = Annotated[Asked, Depends(_range)]


def utf8(header: str | None) -> str | None:
    """Return a header's text as its sender meant it."""
    # Headers come as Latin-1; clients that send more mean UTF-8.
    if header is None or header.isascii():
        return header
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
