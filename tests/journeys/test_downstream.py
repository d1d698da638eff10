"""What leaves the system: notices on the award topics, dead letters, a webhook."""

import asyncio
import base64
import hashlib
import hmac
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from journeys.system import wait_until
from standardwebhooks import Webhook

from broker.partitions import partition_of

PATIENCE_S = 30


@pytest.fixture
def receiver():
    """Return a web server that remembers what was posted to it."""

    received: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", received
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_level_change_reaches_a_webhook_once_with_its_signatures(running, receiver):
    url, received = receiver
    added = json.loads(running.xp("webhooks", "add", url, "--json").stdout)

    running.post_event("lessons", key="a", user={"id": "ada"}, value=1)
    running.post_event("lessons", key="a", user={"id": "ada"}, value=1)
    running.post_event("lessons", key="b", user={"id": "ada"}, value=10)

    def levels():
        found = [json.loads(body) for _headers, body in received]
        return [it["newLevel"]["key"] for it in found if it["points"]["key"] == "xp"]

    wait_until(lambda: len(levels()) >= 2, PATIENCE_S, lambda: running.log_of("notify"))
    assert levels() == ["rookie", "active"]
    for headers, body in received:
        expected = hmac.new(added["secret"].encode(), body, hashlib.sha256).digest()
        assert headers["X-Trophy-Signature"] == base64.b64encode(expected).decode()
        Webhook(added["secret"]).verify(body, {k.lower(): v for k, v in headers.items()})
    ids = [headers["webhook-id"] for headers, _body in received]
    assert len(ids) == len(set(ids))


async def test_every_effect_is_announced_once_and_poison_goes_to_the_dead_letters(running):
    poison = {
        b"not json": "not JSON",
        b'{"user": "u", "metric": "lessons", "value": NaN}': "not JSON",
        b'{"user": "", "metric": "lessons"}': "user: must not be empty",
        b'{"user": "u", "metric": "unheard-of"}': "no metric",
        b'{"user": "u", "metric": "lessons", "attributes": {"x": "y"}}': "Invalid attribute keys",
        b'{"user": "u", "metric": "lessons", "occurredAt": "2999-01-01T00:00:00Z"}': "future",
        b"x" * 70_000: "65536 bytes",
    }
    bootstrap = running.connection.bootstrap
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for raw in poison:
            await producer.send_and_wait(running.topics.events, raw, key=b"u")
        good = b'{"user": "u", "metric": "lessons", "value": 12, "idempotencyKey": "k"}'
        await producer.send_and_wait(running.topics.events, good, key=b"u")
        await producer.send_and_wait(running.topics.events, good, key=b"u")

    letters = await _read(running, running.topics.dead_letters, len(poison))
    told = {letter.value: dict(letter.headers)["xp-reason"].decode() for letter in letters}
    assert told.keys() == poison.keys()
    for raw, reason in poison.items():
        assert reason in told[raw]

    awards = await _read(running, running.topics.points_awarded, 4)
    found = [json.loads(message.value) for message in awards]
    assert [(it["system"], it["trigger"], it["awarded"], it["total"]) for it in found] == [
        ("xp", "welcome", 5, 5),
        ("energy", "start", 100, 100),
        ("xp", "lesson", 120, 125),
        ("energy", "cost", -100, 0),
    ]
    assert len({it["id"] for it in found}) == len(found)
    # Where any client would look for the user's notices.
    assert {message.partition for message in awards} == {partition_of(b"u", 4)}
    (level,) = [
        json.loads(it.value) for it in await _read(running, running.topics.level_changed, 1)
    ]
    assert (level["previousLevel"], level["newLevel"], level["total"]) == (None, "active", 125)
    (achieved,) = await _read(running, running.topics.achievement_completed, 1)
    assert json.loads(achieved.value)["achievement"] == "first-lesson"
    (streak,) = await _read(running, running.topics.streak_changed, 1)
    assert json.loads(streak.value)["length"] == 1


async def _read(running, topic, count):
    """Return what a topic holds once it holds `count` messages, and nothing more a moment later."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=running.connection.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        found: list = []
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < count:
                fetched = await consumer.getmany(timeout_ms=200)
                found += [message for batch in fetched.values() for message in batch]
        fetched = await consumer.getmany(timeout_ms=500)
        found += [message for batch in fetched.values() for message in batch]
        assert len(found) == count
        return found
    finally:
        await consumer.stop()
