"""A TCP proxy whose network can be made bad at run time: cut, slow, silent, torn.

Knows nothing of Kafka or Postgres: bytes only. It runs in a thread with a loop of its own, so that
a driver that is busy checking does not look like a bad network. Order of bytes is kept in every
mode; a connection of which bytes were lost never carries any again.
"""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable
from typing import Final, Literal, Self

from faults.proxy_link import Link, OnTheWay

Mode = Literal["pass", "delay", "hold", "hang", "reset", "drop", "refuse"]
"""What the network does to what goes through:

- pass: nothing.
- delay: everything comes later, by `delay_s` give or take `jitter_s`.
- hold: nothing comes through; all of it does, in order, once the mode is over.
- hang: half open: bytes are swallowed, nothing is closed. Afterwards, as where a host that has
  forgotten its connections comes back, those of which bytes were lost are reset.
- reset: in the middle of the next answer the connection is reset (RST), on both sides.
- drop: connections are closed in good order, new ones at once after they were accepted.
- refuse: connections are closed, and nobody listens.
"""

HOST: Final = "127.0.0.1"
CHUNK_BYTES: Final = 64 * 1024
# Chunks of one direction that are on their way; then the sender has to wait, as with any network.
ON_THE_WAY_MAX: Final = 256
CONNECT_TIMEOUT_S: Final = 5.0
SWITCH_TIMEOUT_S: Final = 10.0


class Proxy:
    """One listener on the loopback address, in front of one server."""

    def __init__(self, port: int, *, seed: int = 0) -> None:
        """Listen on `port` once started; `seed` decides jitter and where an answer is torn."""
        self.port = port
        self.accepted = 0
        self._upstream: int | None = None
        self._dice = random.Random(seed)
        self._mode: Mode = "pass"
        self._delay_s = 0.0
        self._jitter_s = 0.0
        self._changed = asyncio.Event()
        self._links: set[Link] = set()
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"proxy-{port}", daemon=True
        )

    @property
    def mode(self) -> Mode:
        """What the network does now."""
        return self._mode

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return len(self._links)

    def start(self) -> Self:
        """Listen. Raises OSError where the port is taken."""
        self._thread.start()
        try:
            self._call(self._listen)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Close everything. Twice is harmless."""
        if self._thread.is_alive():
            self._call(self._end)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if not self._loop.is_closed():
            self._loop.close()

    def __enter__(self) -> Self:
        """Start, for a `with` block."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def lead_to(self, port: int) -> None:
        """Connect new clients to this port of the loopback address."""
        self._upstream = port

    def become(self, mode: Mode, *, delay_s: float = 0.2, jitter_s: float = 0.1) -> None:
        """Switch; the new mode holds for all connections when this returns."""

        async def switch() -> None:
            await self._switch(mode, delay_s, jitter_s)

        self._call(switch)

    def _call(self, do: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            await do()

        asyncio.run_coroutine_threadsafe(whole(), self._loop).result(SWITCH_TIMEOUT_S)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._accept, HOST, self.port)

    async def _end(self) -> None:
        await self._cut()
        for link in list(self._links):
            link.close(abruptly=False)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _cut(self) -> None:
        if self._listener is not None:
            # Not waited for: since 3.12 that waits for the connections too.
            self._listener.close()
            self._listener = None

    async def _switch(self, mode: Mode, delay_s: float, jitter_s: float) -> None:
        self._mode, self._delay_s, self._jitter_s = mode, delay_s, jitter_s
        if mode == "refuse":
            await self._cut()
        elif self._listener is None:
            await self._listen()
        for link in list(self._links):
            if mode in ("drop", "refuse"):
                link.close(abruptly=False)
            elif link.torn and mode != "hang":
                link.close(abruptly=True)
        self._changed.set()
        self._changed = asyncio.Event()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        link = Link(writer)
        self._links.add(link)
        try:
            await self._carry(link, reader)
        except (OSError, TimeoutError):
            link.close(abruptly=True)
        finally:
            link.close(abruptly=False)
            self._links.discard(link)

    async def _carry(self, link: Link, reader: asyncio.StreamReader) -> None:
        if self._mode == "drop":
            return
        while self._mode in ("hold", "hang"):
            # A handshake is bytes too: what is not there for the client is not there at all.
            await self._changed.wait()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            answers, link.server = await asyncio.open_connection(HOST, self._upstream)
        to_server = self._direction(link, reader, link.server, answers=False)
        to_client = self._direction(link, answers, link.client, answers=True)
        # One side that ends ends both: what either has to say afterwards, nobody hears.
        await asyncio.wait((to_server, to_client), return_when=asyncio.FIRST_COMPLETED)

    def _direction(
        self,
        link: Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        answers: bool,
    ) -> asyncio.Task[None]:
        """Carry one direction; the task that is returned ends with it."""
        on_the_way: OnTheWay = asyncio.Queue(ON_THE_WAY_MAX)
        leaving = asyncio.create_task(self._leave(reader, on_the_way))
        arriving = asyncio.create_task(self._arrive(on_the_way, link, writer, answers=answers))
        link.tasks += (leaving, arriving)
        return arriving

    async def _leave(self, reader: asyncio.StreamReader, on_the_way: OnTheWay) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                await on_the_way.put((self._due(), data))
        except OSError:
            await on_the_way.put((self._due(), None))
        else:
            await on_the_way.put((self._due(), b""))

    def _due(self) -> float:
        now = self._loop.time()
        if self._mode != "delay":
            return now
        return now + max(0.0, self._delay_s + self._dice.uniform(-self._jitter_s, self._jitter_s))

    async def _arrive(
        self,
        on_the_way: OnTheWay,
        link: Link,
        writer: asyncio.StreamWriter,
        *,
        answers: bool,
    ) -> None:
        """Hand on what is on the way of one direction, when it is due."""
        while True:
            due, data = await on_the_way.get()
            # Several chunks may travel at once; one that was read later never arrives earlier.
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            while self._mode == "hold":
                await self._changed.wait()
            if self._mode == "hang":
                link.torn = True
            if link.torn:
                continue
            if not data:
                link.close(abruptly=data is None)
                return
            if self._mode == "reset" and answers:
                writer.write(data[: self._dice.randrange(len(data))])
                # The part before the tear is to be seen: a reset discards what was not yet sent.
                await asyncio.sleep(0.01)
                link.close(abruptly=True)
                return
            try:
                writer.write(data)
                await writer.drain()
            except OSError:
                link.close(abruptly=True)
                return
