"""What has been delivered to a loop and not been worked off: in order, without a gap, bounded.

A chunk that does not begin where the last one ended is from before a seek, or a sign that something
got lost between the fetch and here; neither may reach the loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from processor.feed import Feed
from processor.pending import Message


class Inbox:
    """The messages of one partition on their way from the transport to the partition's loop."""

    def __init__(
        self,
        feed: Feed,
        topic: str,
        partition: int,
        *,
        size_max: int,
        size_of: Callable[[Message], int],
    ) -> None:
        """Pause the partition when more than `size_max` waits, by `size_of` each message.

        Nothing is taken before `open_at`.
        """
        self._feed = feed
        self._topic = topic
        self._partition = partition
        self._size_max = size_max
        self._size_of = size_of
        self._waiting: deque[Message] = deque()
        self._size = 0
        self._paused = False
        self._arrived = asyncio.Event()
        # Offset from which the next chunk has to come; -1 while nothing is taken.
        self._expected = -1

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether so much waits that nothing more is delivered for now."""
        return self._paused

    @property
    def end(self) -> int:
        """The offset after the last message that has been delivered, -1 while nothing is taken."""
        return self._expected

    def close(self) -> None:
        """Forget what waits, and take nothing until it is opened again."""
        self._expected = -1
        self._waiting.clear()
        self._size = 0
        self._arrived.clear()

    def open_at(self, offset: int) -> None:
        """Have the partition delivered from this offset on."""
        self.close()
        self._expected = offset
        self._paused = False
        self._feed.start_at(self._topic, self._partition, offset)

    def put(self, start: int, messages: Sequence[Message]) -> None:
        """Take delivered messages; `start` is the offset from which they were fetched."""
        if start != self._expected:
            # Asked for again, what got lost comes, and what comes twice is dropped here.
            if start > self._expected >= 0:
                self._feed.start_at(self._topic, self._partition, self._expected)
            return
        self._expected = messages[-1].offset + 1
        self._waiting.extend(messages)
        self._size += sum(map(self._size_of, messages))
        if self._size > self._size_max and not self._paused:
            self._paused = True
            self._feed.pause(self._topic, self._partition)
        self._arrived.set()

    async def wait(self) -> None:
        """Return once something waits."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()

    def first(self) -> Message:
        """Return the message that is next; IndexError when none waits."""
        return self._waiting[0]

    def take(self) -> Message:
        """Remove and return the message that is next; IndexError when none waits."""
        message = self._waiting.popleft()
        self._size -= self._size_of(message)
        if self._paused and self._size < self._size_max // 2:
            self._paused = False
            self._feed.resume(self._topic, self._partition)
        return message
