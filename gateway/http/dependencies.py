"""What a request says of itself: whose it is, and what its path, query and headers stand for.

Dependencies of the handlers. They are coroutines, because the framework sends plain functions
through a pool of threads.
"""

from typing import Annotated, Final
from urllib.parse import unquote

from fastapi import Depends, Header, Path, Query, Request, Security
from fastapi.security import APIKeyHeader

from gateway.http.errors import ApiError
from gateway.http.middleware import LET_IN
from gateway.keys import KeyRing
from schemas.text import KEY_LENGTH_MAX, is_key
from schemas.topics import DEFAULT_TENANT

# As `schemas.text.is_key` has it.
_KEY_PATTERN: Final = "^[a-zA-Z0-9_-]+$"
# How the keys of applications begin: they are for the Application API alone.
_APPLICATION: Final = "app_"
_API_KEY: Final = APIKeyHeader(
    name="X-API-KEY", scheme_name="ApiKeyAuth", auto_error=False, description="`xp keys` makes one."
)


async def authorized(keys: KeyRing, key: str | None, tenant: str | None) -> str:
    """Return the tenant that a request is about; ApiError 401, 403 or 422 if not let in.

    A key of the default tenant acts for every tenant, any other for its own alone.
    """
    caller = await keys.caller(key)
    if caller is None:
        raise ApiError(401, "Send a valid API key in the header X-API-KEY; `xp keys` lists them.")
    if tenant is None or tenant == caller.tenant:
        return caller.tenant
    if not is_key(tenant):
        raise ApiError(422, "Tenant-ID: use letters, digits, - and _ only.")
    if caller.tenant != DEFAULT_TENANT:
        raise ApiError(403, "Tenant-ID: this API key belongs to another tenant.")
    return tenant


async def _tenant(
    request: Request,
    key: Annotated[str | None, Security(_API_KEY)],
    tenant: Annotated[
        str | None,
        # What it may look like is checked after the key: nobody else is told anything.
        Header(
            alias="Tenant-ID",
            description="The tenant to act for, where the key may act for others than its own.",
            json_schema_extra={"pattern": _KEY_PATTERN, "maxLength": KEY_LENGTH_MAX},
        ),
    ] = None,
) -> str:
    keys: KeyRing = request.app.state.keys
    found = await authorized(keys, key, tenant)
    request.scope[LET_IN] = True
    return found


async def _admin_tenant(
    tenant: Annotated[str, Depends(_tenant)], key: Annotated[str | None, Security(_API_KEY)]
) -> str:
    if key is not None and key.startswith(_APPLICATION):
        raise ApiError(403, "An application's key does not open the Admin API.")
    return tenant


def _decoded(text: str) -> str:
    # The path is routed as it was sent (gateway.http.middleware), so that a value may hold a slash.
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise ApiError(404, "The path is not UTF-8.") from error


async def _user_id(id: Annotated[str, Path(description="The user's id.")]) -> str:  # noqa: A002  the contract's name
    return _decoded(id)


async def _key(key: Annotated[str, Path(description="The key.")]) -> str:
    return _decoded(key)


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
        if not colon or not is_key(key) or "\0" in text:
            raise ApiError(
                422, "userAttributes: must have the form key:value, several parted by commas."
            )
        found[key] = text
    return found


# The tenant that the request was let in for; that of an administrator's request.
Tenant = Annotated[str, Depends(_tenant)]
AdminTenant = Annotated[str, Depends(_admin_tenant)]
UserId = Annotated[str, Depends(_user_id)]
Key = Annotated[str, Depends(_key)]
UserAttributes = Annotated[dict[str, str] | None, Depends(_attributes)]


def utf8(header: str | None) -> str | None:
    """Return a header's text as its sender meant it."""
    # Headers come as Latin-1; clients that send more mean UTF-8.
    if header is None or header.isascii():
        return header
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
