"""Addresses as settings name them: hosts and ports, URLs, and DSNs with their passwords."""

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

PORT_MAX: Final = 65535
HIDDEN: Final = "**********"
# A host, or an IPv6 address in brackets, and a port.
_ADDRESS: Final = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[^\s:/,\[\]]+)(?::(\d{1,5}))?")


def is_address(text: str) -> bool:
    """Tell whether a text is host or host:port."""
    found = _ADDRESS.fullmatch(text)
    return found is not None and int(found[1] or 1) in range(1, PORT_MAX + 1)


def url_of(host: str, port: int) -> str:
    """Return the URL at which a server is reached that listens on a host's port."""
    # What listens on every address is reached at that of this machine.
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  never bound to
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def mask(dsn: str) -> str:
    """Return a DSN without its passwords, wherever in it they are; of none, that it is none."""
    try:
        # As libpq reads it: a password may be behind the @, too, its name spelled with %70.
        known = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        return HIDDEN
    secrets = {name for name in known if "password" in name}
    if not secrets:
        return dsn
    parts = urlsplit(dsn)
    if secrets == {"password"} and parts.password is not None and not parts.query:
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{parts.username}:{HIDDEN}@{host}"))
    return make_conninfo("", **{**known, **dict.fromkeys(secrets, HIDDEN)})


def plain(secret: SecretStr | None) -> str | None:
    """Return a secret as it is."""
    return secret.get_secret_value() if secret else None
