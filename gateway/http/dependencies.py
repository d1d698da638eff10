"""What a request says of itself: whose it is, and what its path, query and headers stand for.

Dependencies of the handlers. They are coroutines, because the framework sends plain functions
through a pool of threads.
"""

from typing import Annotated, Final, NamedTuple
from urllib.parse import unquote

from fastapi import Depends, Header, Path, Query, Request, Security
from fastapi.security import APIKeyHeader

from gateway.http.errors import ApiError
from gateway.http.middleware import LET_IN
from gateway.keyring import KeyRing
from schemas.text import KEY_LENGTH_MAX, is_key
from schemas.topics import DEFAULT_TENANT

# As `schemas.text.is_key` has it.
_KEY_PATTERN: Final = "^[a-zA-Z0-9_-]+$"
_API_KEY: Final = APIKeyHeader(
    name="X-API-KEY", scheme_name="ApiKeyAuth", auto_error=False, description="`xp keys` makes one."
)


class LetIn(NamedTuple):
    """What a request with a valid key may do."""

    # What it is about.
    tenant: str
    # Whether the Admin API is open to it.
    is_admin: bool
    # The only user whom it may be about; None: all.
    user: str | None

    def check_user(self, user: str) -> None:
        """Refuse a request about a user whom its key is not for; raises ApiError 403."""
        if self.user is not None and user != self.user:
            raise ApiError(403, "This API key is for another user.")


async def authorized(keys: KeyRing, key: str | None, tenant: str | None) -> LetIn:
    """Return what a request may do; ApiError 401, 403 or 422 if it is not let in.

    An administrator's key of the default tenant acts for every tenant, any other for its own.
    """
    caller = await keys.caller(key)
    if caller is None:
        raise ApiError(401, "Send a valid API key in the header X-API-KEY; `xp keys` lists them.")
    is_admin = caller.scope == "admin"
    if tenant is None or tenant == caller.tenant:
        return LetIn(caller.tenant, is_admin, caller.user)
    if not is_key(tenant):
        raise ApiError(422, "Tenant-ID: use letters, digits, - and _ only.")
    if not (is_admin and caller.tenant == DEFAULT_TENANT):
        raise ApiError(403, "Tenant-ID: this API key belongs to another tenant.")
    return LetIn(tenant, is_admin, caller.user)


async def _let_in(
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
) -> LetIn:
    keys: KeyRing = request.app.state.keys
    found = await authorized(keys, key, tenant)
    request.scope[LET_IN] = True
    return found


# What the request may do that was let in; what that of an administrator may.
Allowed = Annotated[LetIn, Depends(_let_in)]


async def _admin(allowed: Allowed) -> LetIn:
    if not allowed.is_admin:
        raise ApiError(403, "An application's key does not open the Admin API.")
    return allowed


AllowedAdmin = Annotated[LetIn, Depends(_admin)]


def _decoded(text: str) -> str:
    # The path is routed as it was sent (gateway.http.middleware), so that a value may hold a slash.
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise ApiError(404, "The path is not UTF-8.") from error


async def _user_id(
    allowed: Allowed,
    id: Annotated[str, Path(description="The user's id.")],  # noqa: A002  the contract's name
) -> str:
    user = _decoded(id)
    allowed.check_user(user)
    return user


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
