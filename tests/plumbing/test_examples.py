"""The examples, run as a person runs them: nothing is lost, and what is wrong is said in a line."""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from aiokafka import AIOKafkaProducer
from plumbing.running import PATIENCE_S

from broker.connection import Connection
from broker.topics import create_topics
from schemas.topics import Topics

ROOT = Path(__file__).resolve().parents[2]

# Runs the consumer with names of this test's own. Its handler takes longer than its client waits
# before it would commit by itself, and dies at one user's award; it ends with nothing left to do.
RUN = """
import asyncio, builtins, os, runpy, sys
import aiokafka

topic, group, dies_at = sys.argv[3:6]
sys.argv = sys.argv[:3]

class Consumer(aiokafka.AIOKafkaConsumer):
    def __init__(self, _topic, **options):
        options |= {"group_id": group, "auto_commit_interval_ms": 50}
        super().__init__(topic, **options)

    async def __anext__(self):
        while True:
            try:
                message = await asyncio.wait_for(self.getone(), 1)
            except TimeoutError:
                if await self.has_nothing_to_do():
                    os._exit(0)
            else:
                await asyncio.sleep(0.3)
                return message

    async def has_nothing_to_do(self):
        held = self.assignment()
        ends = await self.end_offsets(held)
        return held and all([await self.position(it) >= end for it, end in ends.items()])

def handle(text):
    if text.startswith(dies_at):
        os._exit(9)
    sys.stdout.write(text + "\\n")
    sys.stdout.flush()

aiokafka.AIOKafkaConsumer = Consumer
builtins.print = handle
runpy.run_path("examples/consumer.py", run_name="__main__")
"""


def example(name, *arguments):
    """Run an example to its end."""
    return subprocess.run(
        [sys.executable, f"examples/{name}.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def told(file, bootstrap):
    """Return a file beside another that says where Kafka is, as `xp client-config` prints it."""
    config = file.with_name("kafka.json")
    config.write_text(json.dumps({"bootstrap_servers": bootstrap}))
    return config


def notice(number, user):
    told = {"tenant": "default", "user": user, "system": "xp", "awarded": 10}
    return json.dumps({"id": f"0-0-{number}:1", **told}).encode()


@pytest.fixture
async def awards(stack, prefix):
    """Return the name of a topic with three awards on one partition."""
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, 1)
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka) as producer:
        for number, user in enumerate(("ann", "bob", "cyd")):
            await producer.send_and_wait(topics.points_awarded, notice(number, user))
    return topics.points_awarded


def consume(stack, file, topic, dies_at="nobody"):
    """Run the consumer until it has nothing to do, or dies."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            RUN,
            str(told(file, stack.kafka)),
            str(file),
            topic,
            f"{topic}.group",
            dies_at,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


async def test_an_award_at_which_the_consumer_was_killed_is_handled_once_it_is_back(
    stack, awards, tmp_path
):
    file = tmp_path / "awards.db"
    killed = consume(stack, file, awards, dies_at="bob")
    assert (killed.returncode, killed.stdout) == (9, "ann: +10 xp\n")
    back = consume(stack, file, awards)
    assert (back.returncode, back.stdout) == (0, "bob: +10 xp\ncyd: +10 xp\n")
    stored = sqlite3.connect(file).execute("SELECT * FROM awards ORDER BY id").fetchall()
    assert stored == [
        ("0-0-0:1", "ann", "xp", 10),
        ("0-0-1:1", "bob", "xp", 10),
        ("0-0-2:1", "cyd", "xp", 10),
    ]


async def test_an_award_that_comes_again_is_not_handled_again(stack, awards, tmp_path):
    file = tmp_path / "awards.db"
    assert consume(stack, file, awards).returncode == 0
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka) as producer:
        await producer.send_and_wait(awards, notice(1, "bob"))
    again = consume(stack, file, awards)
    assert (again.returncode, again.stdout) == (0, "")


def documented(language, word):
    """Return the one block of the page on awards that is of a language and has a word."""
    page = (ROOT / "docs" / "howto" / "consume-awards.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    ((text),) = [it for it in blocks if word in it]
    return text


async def test_the_documented_handler_does_everything_once_whenever_it_dies(
    stack, awards, database
):
    names = {"xp.points-awarded": awards, "my-service": f"{awards}.documented"}
    text = documented("python", "async def consume")
    for name, own in names.items():
        text = text.replace(name, own)
    defined: dict = {}
    exec(text, defined)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:

        async def rows(query):
            return await (await connection.execute(query)).fetchall()

        await connection.execute(documented("sql", "handled"))
        # It dies between the id and the effect of the first award.
        await connection.execute("ALTER TABLE wallets RENAME TO away")
        with pytest.raises(psycopg.errors.UndefinedTable):
            await defined["consume"](stack.kafka, database)
        assert await rows("SELECT * FROM handled") == []
        await connection.execute("ALTER TABLE away RENAME TO wallets")

        again = [notice(1, "bob"), notice(3, "ann")]
        async with AIOKafkaProducer(bootstrap_servers=stack.kafka) as producer:
            for told in again:
                await producer.send_and_wait(awards, told)
        consuming = asyncio.create_task(defined["consume"](stack.kafka, database))
        async with asyncio.timeout(PATIENCE_S):
            while len(await rows("SELECT * FROM handled")) < 4:
                await asyncio.sleep(0.1)
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
        coins = await rows("SELECT user_id, coins FROM wallets ORDER BY user_id")
        assert coins == [("ann", 20), ("bob", 10), ("cyd", 10)]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("consumer", (), "usage: python examples/consumer.py"),
        ("consumer", ("{kafka}",), "usage: python examples/consumer.py"),
        ("consumer", ("{kafka}", "{file}"), "127.0.0.1"),
        ("consumer", ("{file}", "{file}"), "awards.db"),
        ("consumer", ("{kafka}", "{file}/none"), "unable to open database file"),
        ("producer", (), "usage: python examples/producer.py"),
        ("producer", ("{kafka}", "u1", "lessons"), "usage: python examples/producer.py"),
        ("producer", ("{kafka}", "u1", "lessons", "1"), "127.0.0.1"),
        ("producer", ("{kafka}", "u1", "lessons", "many"), "many"),
        ("producer", ("{file}", "u1", "lessons", "1"), "awards.db"),
    ],
)
def test_an_example_says_what_is_wrong_without_a_traceback(tmp_path, name, arguments, said):
    file = tmp_path / "awards.db"
    kafka = told(file, "127.0.0.1:1")
    done = example(name, *(it.format(file=file, kafka=kafka) for it in arguments))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
