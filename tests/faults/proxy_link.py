"""One connection through the proxy: that of a client, and the one to the server."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from typing import Final

# Makes a close a reset: lingering, for no time at all.
ABRUPTLY: Final = struct.pack("ii", 1, 0)

# What one side has sent and the other has not yet received, and when it is due there; no bytes are
# the end, None a reset.
OnTheWay = asyncio.Queue[tuple[float, bytes | None]]


@dataclass(eq=False)
class Link:
    """One client's connection and the one to the server that belongs to it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    # Bytes of it were lost: it is good for nothing but to be reset.
    torn: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def close(self, *, abruptly: bool) -> None:
        """End both connections, abruptly by a reset, and what is carried between them."""
        for writer in (self.client, self.server):
            if writer is None or writer.is_closing():
                continue
            if abruptly:
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPTLY)
                writer.transport.abort()
            else:
                writer.close()
        for task in self.tasks:
            task.cancel()
