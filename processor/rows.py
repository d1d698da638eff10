"""How the rows of a partition's store are named, by the first byte of their key. No store in here.

s, user path          the user's state, msgpack (`processor.rules.user_state`)
k, 16 bytes of hash   the first use of an idempotency key, or of a forwarded event's position
c, 16 bytes of hash   the value that a corrected event has come to, a decimal
d, 8 bytes of time, user path   when time itself will next do something to the user; no value
m                     the partition's position, versions, and what else is of all of it
"""

from typing import Final, NamedTuple

from schemas.instants import Micros
from schemas.text import TenantKey, UserId, UserPath

USER: Final = b"s"
KEY: Final = b"k"
KEYS_END: Final = b"l"
CORRECTED: Final = b"c"
DUE: Final = b"d"
META: Final = b"m"

TIME_BYTES: Final = 8
# Added, so that instants before 1970 come first among bytes too.
TIME_SHIFT: Final = 2**63


class Due(NamedTuple):
    """A user for whom time itself does something, and when."""

    at: Micros
    tenant: TenantKey
    user: UserId


def path_of(tenant: TenantKey, user: UserId) -> UserPath:
    """Return what a user's state is kept under: no tenant and no user id holds a NUL."""
    return f"{tenant}\0{user}"


def due_rows_until(before: Micros) -> bytes:
    """Return the key after those of all rows of what falls due until an instant."""
    return DUE + _time_bytes(before + 1)


def due_row(at: Micros, who: UserPath) -> bytes:
    """Return the key of the row that says when a user falls due."""
    return DUE + _time_bytes(at) + who.encode()


def read_due_row(key: bytes) -> Due:
    """Return what the key of such a row says."""
    at = int.from_bytes(key[len(DUE) : len(DUE) + TIME_BYTES], "big") - TIME_SHIFT
    tenant, user = key[len(DUE) + TIME_BYTES :].decode().split("\0")
    return Due(at, tenant, user)


def _time_bytes(at: Micros) -> bytes:
    # They sort as time does.
    return (at + TIME_SHIFT).to_bytes(TIME_BYTES, "big")
