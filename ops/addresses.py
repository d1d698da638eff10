"""Addresses as settings name them: hosts and ports, URLs, and DSNs with their passwords."""

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

PORT_MAX: Final = 65535
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
    """Return a DSN without its password."""
    parts = urlsplit(dsn)
    if parts.password is None:
        return dsn if "password=" not in dsn else "**********"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:**********@{host}"))


def plain(secret: SecretStr | None) -> str | None:
    """Return a secret as it is."""
    return secret.get_secret_value() if secret else None
