"""The receiver of webhooks: checks both signatures of what it gets and remembers the ids."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer
from standardwebhooks import Webhook as Standard
from standardwebhooks.webhooks import WebhookVerificationError

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def accept(_request: web.Request) -> web.StreamResponse:
    """Take a message."""
    return web.Response(status=204)


class Receiver:
    """A web server that takes messages on any path; each path is one webhook's."""

    def __init__(self) -> None:
        # Path -> how it answers, where that is not with 204.
        self.answers: dict[str, Answer] = {}
        # Path -> secret, once the webhook was added.
        self.secrets: dict[str, str] = {}
        # Path -> id of a message that was answered with 2xx -> how often it came.
        self.taken: dict[str, Counter[str]] = {}
        # Path -> id -> the body; the same for every attempt.
        self.bodies: dict[str, dict[str, Any]] = {}
        self.faults: list[str] = []
        self._server: BaseTestServer | None = None

    def url(self, path: str) -> str:
        """The address of a path."""
        assert self._server is not None
        return str(self._server.make_url(path))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Receiver]:
        """Serve for the length of the block."""
        application = web.Application()
        application.router.add_post("/{tail:.*}", self._take)
        async with TestServer(application) as server:
            self._server = server
            yield self

    async def _take(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        path = request.path
        delivery = request.headers.get("webhook-id", "")
        self._verify(path, request, raw)
        body = json.loads(raw)
        known = self.bodies.setdefault(path, {}).setdefault(delivery, body)
        if known != body:
            self.faults.append(f"I9 webhook {path}: {delivery} came with another body")
        answered = await self.answers.get(path, accept)(request)
        if 200 <= answered.status < 300:
            self.taken.setdefault(path, Counter())[delivery] += 1
        return answered

    def _verify(self, path: str, request: web.Request, raw: bytes) -> None:
        secret = self.secrets.get(path)
        if secret is None:
            self.faults.append(f"I9 webhook {path}: nobody asked for messages there")
            return
        own = base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
        if request.headers.get("X-Trophy-Signature") != own:
            self.faults.append(f"I9 webhook {path}: wrong X-Trophy-Signature")
        headers = {name.lower(): text for name, text in request.headers.items()}
        try:
            Standard(secret).verify(raw.decode(), headers)
        except WebhookVerificationError as error:
            self.faults.append(f"I9 webhook {path}: wrong webhook-signature: {error}")
