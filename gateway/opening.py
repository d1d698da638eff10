"""Open a reader of the broker so that it is closed whatever happens, a failed start included."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any


@asynccontextmanager
async def opened(reader: AbstractAsyncContextManager[Any]) -> AsyncIterator[None]:
    """Enter a context manager; exit it even when entering fails, as when the broker is away.

    `async with` alone would leave the connections of a reader that could not start behind.
    """
    async with AsyncExitStack() as stack:
        stack.push_async_exit(reader)
        await reader.__aenter__()
        yield
