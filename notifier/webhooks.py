"""One delivery over HTTP: sign it, send it, say what came of it.

Two signatures, one secret (`whsec_` and base64, as Standard Webhooks writes it):
- `X-Trophy-Signature`: base64 of HMAC-SHA256 over the raw body; its key is the secret as it is
  shown, all its characters with the prefix, as bytes.
- `webhook-id`, `webhook-timestamp`, `webhook-signature`: Standard Webhooks 1.0; its key is what the
  base64 after the prefix decodes to, as every library of that standard has it.

`webhook-id` is the delivery's id: the same for every attempt. No retries and no database in here.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Final

import httpx
from standardwebhooks import Webhook as Standard

from notifier.addresses import (
    CONNECT_TIMEOUT_S,
    CheckedTransport,
    ForbiddenTargetError,
    Resolver,
)
from notifier.retry import Outcome

TIMEOUT_S: Final = 60.0
SECRET_BYTES: Final = 32
# Of an answer that refuses, so much is read and shown; of one that accepts, nothing matters.
ANSWER_BYTES_MAX: Final = 4096
ANSWER_TIMEOUT_S: Final = 2.0
ERROR_CHARACTERS_MAX: Final = 300


def new_secret() -> str:
    """Return a fresh secret for one webhook."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(secret: str, delivery_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers that go with a body: its type and both signatures. `now` is in UTC."""
    trophy = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return {
        "Content-Type": "application/json",
        "User-Agent": "xpledger",
        "X-Trophy-Signature": trophy.decode(),
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Standard(secret).sign(delivery_id, now, body.decode()),
    }


class Messenger:
    """Sends deliveries. One for all webhooks: it keeps nothing between two requests."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Use a client of `client()`; an attempt takes no longer than `timeout_s` in all."""
        self._client = client
        self._timeout_s = timeout_s
        self._clock = clock

    async def send(self, url: str, secret: str, delivery_id: str, body: bytes) -> Outcome:
        """Make one attempt and return what came of it; nothing a receiver does makes it raise."""
        try:
            async with asyncio.timeout(self._timeout_s):
                signed = headers(secret, delivery_id, body, self._clock())
                return await self._post(url, signed, body)
        except TimeoutError:
            return Outcome(None, f"no answer within {self._timeout_s:g} s")
        except ForbiddenTargetError as error:
            return Outcome(None, printable(f"not sent: {error}"))
        # A foreign server, its name and its URL can provoke errors of many libraries: each of them
        # is a failed attempt of this one webhook, and must not end the sending to the others.
        except Exception as error:  # noqa: BLE001
            return Outcome(None, printable(f"{type(error).__name__}: {error}"))

    async def _post(self, url: str, signed: dict[str, str], body: bytes) -> Outcome:
        async with self._client.stream("POST", url, content=body, headers=signed) as response:
            outcome = Outcome(response.status_code)
            text = await _beginning(response)
            if outcome.success:
                return outcome
            where = response.headers.get("location")
            detail = f"redirects to {where}" if response.is_redirect and where else text
            return Outcome(
                response.status_code, printable(f"HTTP {response.status_code} {detail}").strip()
            )


@contextlib.asynccontextmanager
async def messenger(
    *, allow_private: bool, timeout_s: float = TIMEOUT_S, ca_file: str | None = None
) -> AsyncIterator[Messenger]:
    """Open a messenger. Redirects are not followed, proxies and .netrc of the machine not used."""
    resolver = Resolver()
    transport = CheckedTransport(resolver, allow_private=allow_private, ca_file=ca_file)
    # The messenger limits the attempt as a whole; this only lets it get to a host's next address.
    timeout = httpx.Timeout(None, connect=CONNECT_TIMEOUT_S)
    try:
        async with httpx.AsyncClient(
            transport=transport, timeout=timeout, follow_redirects=False, trust_env=False
        ) as client:
            yield Messenger(client, timeout_s=timeout_s)
    finally:
        resolver.close()


def printable(text: str) -> str:
    """Return a line that can be stored and shown: bounded, without control characters."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(line.split())[:ERROR_CHARACTERS_MAX]


async def _beginning(response: httpx.Response) -> str:
    """Read a little of an answer, raw: a body without end or one that unpacks to much is no use."""
    taken = b""
    # The status has come, so the attempt is judged; what is wrong with the body changes nothing.
    with contextlib.suppress(TimeoutError, httpx.HTTPError, httpx.StreamError):
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            async for chunk in response.aiter_raw():
                taken += chunk[: ANSWER_BYTES_MAX - len(taken)]
                if len(taken) >= ANSWER_BYTES_MAX:
                    break
    return taken.decode("utf-8", "replace")
