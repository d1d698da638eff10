"""How a request gets in: its key, its tenant, and what its path and query stand for.

Dependencies of the handlers. They are coroutines, because the framework sends plain functions
through a pool of threads.
"""

import re
from typing import Annotated, Final, NamedTuple
from urllib.parse import unquote

from fastapi import Depends, Header, Path, Query, Request, Security
from fastapi.security import APIKeyHeader

from gateway.errors import ApiError
from gateway.parts import Parts
from schemas.events import KEY_PATTERN
from schemas.topics import DEFAULT_TENANT

_KEY: Final = re.compile(KEY_PATTERN)
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
    """Check the key and the tenant (semantics 13, 17); ApiError 401, 403 or 422 if not let in.

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
    # Anything but the literal means completed only (semantics 5).
    return value == "true"


LetIn = Annotated[Door, Depends(let_in)]
UserId = Annotated[str, Depends(_user_id)]
Key = Annotated[str, Depends(_key)]
Incomplete = Annotated[bool, Depends(_incomplete)]


def utf8(header: str | None) -> str | None:
    """Return a header's text as its sender meant it."""
    # Headers come as Latin-1; clients that send more mean UTF-8.
    if header is None or header.isascii():
        return header
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
