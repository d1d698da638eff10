"""What only xpledger's own parts may say on xp.events, and how they show that it was they.

Whoever may produce may send metric events, changes of users and completions of achievements. Every
other type, and the headers of a forwarded event, count only with a MAC: HMAC-SHA256 over topic,
partition, key, type and value of the record and over those headers, under a secret that the parts
share. Only the lane checks it, when it judges; what is on the ledger was checked. Pure.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

from schemas.instants import Millis
from schemas.topics import HEADER_FORWARDED, HEADER_MAC, HEADER_TIME

SECRET_LENGTH_MIN: Final = 32

# What a part that is not there stands for: no bytes have this length.
_ABSENT: Final = b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the parts of one installation share."""

    # What is signed with, and checked with.
    now: str = field(repr=False)
    # What is checked with as well, while the secret is being changed.
    other: str | None = field(default=None, repr=False)
    # What was appended before needs no MAC: parts of an older release did not sign.
    unsigned_until: Millis = 0


class _Typed(Struct, gc=False):
    type: str = "metric"


_TYPED: Final = Decoder(_Typed)


class Signer:
    """Signs and checks the records of one topic."""

    __slots__ = ("_hashes", "_topic", "unsigned_until")

    def __init__(self, secrets: Secrets, topic: str) -> None:
        """Take the secrets, and the name of the events topic."""
        texts = [secrets.now] if secrets.other is None else [secrets.now, secrets.other]
        self._hashes = [hmac.new(it.encode(), digestmod=hashlib.sha256) for it in texts]
        self._topic = topic.encode()
        self.unsigned_until = secrets.unsigned_until

    def header(
        self,
        partition: int,
        key: bytes | None,
        value: bytes,
        headers: Mapping[str, bytes | None],
    ) -> tuple[str, bytes]:
        """Return the header that signs a record; `headers` are those that it has besides."""
        return HEADER_MAC, self._mac(0, self._said(partition, key, value, headers))

    def has_signed(
        self,
        partition: int,
        key: bytes | None,
        value: bytes,
        headers: Mapping[str, bytes | None],
    ) -> bool:
        """Tell whether a record was signed by one who has the secret."""
        given = headers.get(HEADER_MAC)
        if given is None:
            return False
        said = self._said(partition, key, value, headers)
        return any(
            hmac.compare_digest(given, self._mac(index, said)) for index in range(len(self._hashes))
        )

    def _mac(self, index: int, said: bytes) -> bytes:
        made = self._hashes[index].copy()
        made.update(said)
        return made.hexdigest().encode()

    def _said(
        self,
        partition: int,
        key: bytes | None,
        value: bytes,
        headers: Mapping[str, bytes | None],
    ) -> bytes:
        parts = (
            self._topic,
            str(partition).encode(),
            key,
            type_of(value).encode("utf-8", "surrogatepass"),
            value,
            headers.get(HEADER_FORWARDED),
            headers.get(HEADER_TIME),
        )
        # Each with its length: no two records say the same bytes.
        return b"".join(_ABSENT if it is None else len(it).to_bytes(4, "big") + it for it in parts)


def type_of(value: bytes) -> str:
    """Return the type that an input says it is of; nothing for what is no input."""
    try:
        return _TYPED.decode(value).type
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def signed(
    signer: Signer | None,
    partition: int,
    key: bytes | None,
    value: bytes,
    headers: Mapping[str, bytes | None] | None = None,
) -> list[tuple[str, bytes | None]]:
    """Return the headers of a record of one of our own parts, its MAC among them.

    None signs nothing: where nobody checks.
    """
    headers = headers or {}
    mac = () if signer is None else (signer.header(partition, key, value, headers),)
    return [*headers.items(), *mac]
