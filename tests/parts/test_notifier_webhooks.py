"""One delivery over HTTP: what it carries, how it is signed, what counts as taken."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from notifier.webhooks import ERROR_CHARACTERS_MAX, messenger, new_secret

BODY = '{"type":"points.level_changed","user":{"id":"Zoë"}}'.encode()
ID = "0-3-17:2"


@pytest.fixture
async def answering():
    """Start servers that give fixed bytes for an answer and keep what they were sent."""
    servers, writers = [], []

    async def start(answer, *, close=True):
        got = []

        async def serve(reader, writer):
            writers.append(writer)
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): text
                for name, text in (line.split(": ", 1) for line in lines[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            got.append((lines[0], headers, body))
            writer.write(answer)
            await writer.drain()
            if close:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?a=b", got

    yield start
    for server in servers:
        server.close()
    for writer in writers:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def answer(status, *headers, body=b""):
    lines = [f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def send(url, secret=None, timeout_s=60.0):
    async with messenger(allow_private=True, timeout_s=timeout_s) as sender:
        return await sender.send(url, secret or new_secret(), ID, BODY)


async def test_both_signatures_verify_and_the_body_is_sent_byte_for_byte(answering):
    url, got = await answering(answer(200))
    secret = new_secret()
    assert (await send(url, secret)).success
    [(line, headers, body)] = got
    assert line == "POST /hook?a=b HTTP/1.1"
    assert headers["content-type"] == "application/json"
    assert body == BODY
    assert headers["webhook-id"] == ID
    assert abs(int(headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    assert Webhook(secret).verify(body, headers) == {
        "type": "points.level_changed",
        "user": {"id": "Zoë"},
    }
    by_hand = base64.b64encode(hmac.new(secret.encode(), BODY, hashlib.sha256).digest())
    assert headers["x-trophy-signature"] == by_hand.decode()


async def test_another_secret_or_another_body_does_not_verify(answering):
    url, got = await answering(answer(200))
    secret = new_secret()
    await send(url, secret)
    [(_, headers, body)] = got
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"points", b"pointz"), headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_a_success(answering, status):
    url, _ = await answering(answer(status))
    assert (await send(url)).success


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 410, 429, 500, 503, 599])
async def test_any_other_status_is_a_failure(answering, status):
    url, _ = await answering(answer(status, body=b"went\r\nwrong\0"))
    outcome = await send(url)
    assert not outcome.success
    assert outcome.status == status
    assert outcome.error.startswith(f"HTTP {status}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(answering, status):
    target, got = await answering(answer(200))
    url, _ = await answering(answer(status, f"Location: {target}"))
    outcome = await send(url)
    assert not outcome.success
    assert outcome.error == f"HTTP {status} redirects to {target}"
    assert got == []


async def test_no_answer_in_time_is_a_failure(answering):
    url, got = await answering(b"", close=False)
    # Enough for the request to get there, however slow this machine is.
    outcome = await send(url, timeout_s=3.0)
    assert outcome.status is None
    assert outcome.error == "no answer within 3 s"
    assert len(got) == 1


async def test_an_answer_that_trickles_in_is_cut_off_at_the_time_limit(answering):
    url, _ = await answering(b"HTTP/1.1 200 OK\r\nX-", close=False)
    assert (await send(url, timeout_s=3.0)).error == "no answer within 3 s"


async def test_a_2xx_counts_though_its_body_never_ends(answering):
    url, _ = await answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nha", close=False)
    async with asyncio.timeout(30):
        assert (await send(url, timeout_s=120)).success


@pytest.mark.parametrize(
    "garbage", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/9 yes\r\n\r\n", b"\xff" * 99]
)
async def test_what_is_no_answer_is_a_failure(answering, garbage):
    url, _ = await answering(garbage)
    outcome = await send(url)
    assert outcome.status is None
    assert outcome.error


async def test_nobody_listening_is_a_failure():
    outcome = await send("http://127.0.0.1:1/")
    assert outcome.status is None
    assert "ConnectError" in outcome.error


async def test_of_a_long_answer_only_the_beginning_is_kept_and_shown(answering):
    url, _ = await answering(answer(500, body=b"x" * 5_000_000))
    outcome = await send(url)
    assert outcome.error.startswith("HTTP 500 xxx")
    assert len(outcome.error) <= ERROR_CHARACTERS_MAX


async def test_a_damaged_secret_fails_the_attempt_and_nothing_else():
    async with messenger(allow_private=True) as sender:
        outcome = await sender.send("http://127.0.0.1:1/", "whsec_", ID, BODY)
    assert "EmptyWebhookSecretError" in str(outcome.error)
