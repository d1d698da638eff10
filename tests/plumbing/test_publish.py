"""Publishing files: all of one or nothing, and larger than anything Kafka takes at once."""

import io
import json

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console

from broker.connection import Connection
from broker.topics import create_topics, end_offsets
from ops.apply import apply_game
from ops.publish import REFUSED_KEPT_MAX, ChangedMeanwhileError, check, publish
from ops.publish_file import REFUSED_SHOWN_MAX, BadLinesError, publish_file
from ops.settings_in_force import read_settings
from schemas.definitions import Definitions, Metric
from schemas.topics import Topics

GOOD = b'{"user": "u", "metric": "steps"}\n'
MIXED = (
    b"\xef\xbb\xbf" + GOOD,
    b'{"user": "u", "metric": "stepz"}\n',
    b"\n",
    b"not json\n",
    b'{"user": "u", "metric": "steps", "tenant": "acme"}\n',
    GOOD,
)
WRONG = {
    2: "there is no metric 'stepz' (known: steps)",
    4: "not JSON: invalid character (byte 4)",
    5: "tenant 'acme' has no definitions: apply some with `xp apply FILE --tenant acme`",
}


@pytest.fixture
async def topics(stack, prefix):
    """Return topics of one partition, with a game of one metric in force."""
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, 1)
    game = Definitions(metrics=[Metric(key="steps", name="Steps")])
    await apply_game(connection, topics, game, tenant="default")
    return topics


async def test_a_file_of_many_megabytes_for_one_partition_is_published_whole(stack, topics):
    line = json.dumps({"user": "u", "metric": "steps", "idempotencyKey": "k" * 200}).encode()
    connection = Connection(stack.kafka)
    published = await publish(connection, topics, [line] * 20_000)
    assert (published.accepted, published.refused) == (20_000, [])
    # The marker of the definitions comes first, then the hold; at the end its release.
    assert published.last == {0: 20_001}
    assert await end_offsets(connection, topics.events) == {0: 20_003}


async def test_the_clock_of_every_partition_waits_while_a_file_is_published(stack, prefix):
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, 2)
    game = Definitions(metrics=[Metric(key="steps", name="Steps")])
    await apply_game(connection, topics, game, tenant="default")
    lines = [json.dumps({"user": f"u{number}", "metric": "steps"}).encode() for number in range(9)]
    await publish(connection, topics, lines)
    for partition in (0, 1):
        values = [json.loads(it) for it in await values_of(connection, topics.events, partition)]
        holds = [it["on"] for it in values if it.get("type") == "hold"]
        assert holds == [True, False]
        # All that is of the file lies between the two.
        assert [values[1].get("on"), values[-1].get("on")] == holds
        assert len(values) > 3


@pytest.fixture
def put(stack, topics, tmp_path):
    """Return a function that publishes lines as a file, and gives what came of it."""
    file = tmp_path / "events.ndjson"
    said = io.StringIO()

    async def put(*lines, mode="strict", secret="s" * 32):
        given = {"kafka": stack.kafka, "topic_prefix": topics.prefix, "data_dir": tmp_path}
        settings = read_settings(None, {**given, "parts_secret": secret} if secret else given)
        file.write_bytes(b"".join(lines))
        # Narrow, so that a line that wraps would show.
        console = Console(file=said, width=30)
        published = await publish_file(settings, file, console, mode=mode)
        return published, said.getvalue().replace(str(file), "FILE")

    return put


async def ends_of(stack, topics):
    return await end_offsets(Connection(stack.kafka), topics.events)


async def test_of_a_file_with_bad_lines_nothing_is_sent(stack, topics, put):
    before = await ends_of(stack, topics)
    with pytest.raises(BadLinesError) as refused:
        await put(*MIXED)
    first, *lines, last = str(refused.value).splitlines()
    assert first.endswith("events.ndjson: 3 of 5 lines cannot be published, so nothing was:")
    assert [line.partition(".ndjson:")[2] for line in lines] == [
        f"{number}: {reason}" for number, reason in WRONG.items()
    ]
    assert "--skip-bad" in last
    assert await ends_of(stack, topics) == before


async def test_bad_lines_are_left_out_of_a_file_when_that_is_asked_for(stack, topics, put):
    before = await ends_of(stack, topics)
    published, said = await put(*MIXED, mode="skip")
    assert (published.accepted, dict(published.refused)) == (2, WRONG)
    assert said.splitlines() == [
        *(f"  FILE:{number}: {reason}" for number, reason in WRONG.items()),
        "Published 2 events from FILE, 3 refused",
    ]
    # The hold, the two events, and its release.
    assert await ends_of(stack, topics) == {0: before[0] + 4}


async def test_a_dry_run_tells_of_every_line_and_sends_nothing(stack, topics, put):
    before = await ends_of(stack, topics)
    found, said = await put(*MIXED, mode="dry")
    assert (found.accepted, dict(found.refused), found.last) == (2, WRONG, {})
    assert said.splitlines() == [
        *(f"  FILE:{number}: {reason}" for number, reason in WRONG.items()),
        "Would publish 2 events from FILE, 3 refused",
    ]
    assert await ends_of(stack, topics) == before


async def test_a_file_that_is_right_is_sent_whole_without_its_byte_order_mark(stack, topics, put):
    published, said = await put(MIXED[0], b"  \n", GOOD.strip())
    assert (published.accepted, published.refused) == (2, [])
    assert said == "Published 2 events from FILE, 0 refused\n"
    values = await values_of(Connection(stack.kafka), topics.events, 0)
    assert values[-3:-1] == [GOOD.strip(), GOOD.strip()]


async def test_who_has_no_secret_of_the_parts_publishes_and_lets_the_clock_run(stack, topics, put):
    published, said = await put(GOOD, GOOD, secret=None)
    assert published.accepted == 2
    assert "no secret of the parts is known here: the clock does not wait" in said
    connection = Connection(stack.kafka)
    marker, *sent = await values_of(connection, topics.events, 0)
    assert json.loads(marker)["type"] == "definitions"
    assert sent == [GOOD.strip()] * 2


async def test_of_many_bad_lines_the_first_are_shown_and_the_rest_are_counted(put):
    with pytest.raises(BadLinesError) as refused:
        await put(*[b"x\n"] * (REFUSED_KEPT_MAX + 1))
    assert refused.value.found.refused_count == REFUSED_KEPT_MAX + 1
    assert len(refused.value.found.refused) == REFUSED_KEPT_MAX
    assert f"and {REFUSED_KEPT_MAX + 1 - REFUSED_SHOWN_MAX:,} more" in str(refused.value)


async def test_a_line_of_any_size_is_refused_without_being_held(put):
    found, _ = await put(b" " * 10_000_000 + GOOD, GOOD, mode="dry")
    assert found.accepted == 1
    assert dict(found.refused) == {1: "an event may have 65,536 bytes, this line has more"}


async def test_a_file_that_goes_bad_between_check_and_sending_is_sent_no_further(stack, topics):
    connection = Connection(stack.kafka)
    assert (await check(connection, topics, [GOOD, GOOD, GOOD])).accepted == 3
    with pytest.raises(
        ChangedMeanwhileError, match=r"line 2 was right when .* The 1 events before"
    ):
        await publish(connection, topics, [GOOD, b"x", GOOD], checked=True)
    # The clock does not wait for what does not come.
    values = [json.loads(it) for it in await values_of(connection, topics.events, 0)]
    assert [it.get("on") for it in values[-3:]] == [True, None, False]


async def test_topics_that_are_missing_are_said_at_once(stack, prefix):
    for work in (check, publish):
        with pytest.raises(LookupError, match=r"there is no topic .*definitions': run `xp topics`"):
            await work(Connection(stack.kafka), Topics(f"{prefix}.none."), [GOOD])


async def values_of(connection, topic, partition):
    """Return what a partition holds."""
    end = (await end_offsets(connection, topic))[partition]
    consumer = AIOKafkaConsumer(**connection.options(), enable_auto_commit=False)
    await consumer.start()
    try:
        tp = TopicPartition(topic, partition)
        consumer.assign([tp])
        consumer.seek(tp, 0)
        return [(await consumer.getone()).value for _ in range(end)]
    finally:
        await consumer.stop()
