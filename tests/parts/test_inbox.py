"""What reaches a loop: in order, without a gap, and not more than it is to hold."""

import asyncio

import pytest

from processor.inbox import Inbox
from processor.pending import Message


class Asked:
    """Notes what an inbox asks of its feed."""

    def __init__(self):
        self.words = []

    def __getattr__(self, name):
        return lambda _topic, _partition, *offset: self.words.append((name, *offset))


@pytest.fixture
def feed():
    return Asked()


@pytest.fixture
def inbox(feed):
    """Return an inbox that is paused above four messages."""
    return Inbox(feed, "events", 0, size_max=4, size_of=lambda _message: 1)


def chunk(first, last):
    return [Message(at, 0, None, b"", ()) for at in range(first, last + 1)]


def offsets(inbox):
    return [inbox.take().offset for _ in range(len(inbox))]


def test_nothing_is_taken_before_it_is_opened_nor_after_it_is_closed(inbox):
    inbox.put(0, chunk(0, 1))
    assert not len(inbox)
    inbox.open_at(5)
    inbox.put(5, chunk(5, 6))
    inbox.close()
    inbox.put(7, chunk(7, 8))
    assert not len(inbox)


def test_a_chunk_from_before_a_seek_is_dropped(inbox, feed):
    inbox.open_at(5)
    inbox.put(3, chunk(3, 9))
    inbox.put(5, chunk(5, 6))
    assert offsets(inbox) == [5, 6]
    assert feed.words == [("start_at", 5)]


def test_what_got_lost_is_asked_for_again_and_comes_once(inbox, feed):
    inbox.open_at(5)
    inbox.put(5, chunk(5, 5))
    inbox.put(8, chunk(8, 9))
    assert feed.words == [("start_at", 5), ("start_at", 6)]
    inbox.put(6, chunk(6, 7))
    inbox.put(6, chunk(6, 7))
    assert offsets(inbox) == [5, 6, 7]


def test_offsets_that_a_topic_skips_are_no_gap(inbox):
    inbox.open_at(5)
    inbox.put(5, chunk(7, 7))
    inbox.put(8, chunk(8, 8))
    assert offsets(inbox) == [7, 8]


def test_a_full_inbox_pauses_its_partition_and_half_an_empty_one_resumes_it(inbox, feed):
    inbox.open_at(0)
    inbox.put(0, chunk(0, 4))
    assert feed.words[1:] == [("pause",)]
    for _ in range(3):
        inbox.take()
    assert feed.words[1:] == [("pause",)]
    inbox.take()
    assert feed.words[1:] == [("pause",), ("resume",)]


async def test_waiting_ends_with_the_first_message(inbox):
    inbox.open_at(0)
    waiting = asyncio.create_task(inbox.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    inbox.put(0, chunk(0, 0))
    await asyncio.wait_for(waiting, 10)
