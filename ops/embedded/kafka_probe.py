"""Ask a broker for its cluster, without a client: whether it is up, and whose it is."""

import socket
import struct
from typing import BinaryIO

METADATA, METADATA_VERSION = 3, 2
ANSWER_BYTES_MAX = 1 << 20


def ask_metadata(connection: socket.socket) -> tuple[str, int]:
    """Ask a broker for its cluster: the cluster's id and how many brokers are ready.

    Spelled out here because it is asked dozens of times before a broker is up, from any thread,
    with or without an event loop, and a client would complain in the log each time.
    """
    client = b"xp-probe"
    request = (
        struct.pack(">hhih", METADATA, METADATA_VERSION, 0, len(client))
        + client
        + struct.pack(">i", 0)
    )
    connection.sendall(struct.pack(">i", len(request)) + request)
    with connection.makefile("rb") as answer:
        (size,) = struct.unpack(">i", answer.read(4))
        if not 0 < size <= ANSWER_BYTES_MAX:
            raise struct.error("not an answer of a broker")
        answer.read(4)  # the correlation id: there is only one question
        (brokers,) = struct.unpack(">i", answer.read(4))
        for _ in range(brokers):
            answer.read(4)  # node id
            _read_string(answer)  # host
            answer.read(4)  # port
            _read_string(answer)  # rack
        return _read_string(answer), brokers


def _read_string(answer: BinaryIO) -> str:
    """Read a string with a 16-bit length; absent counts as empty."""
    (size,) = struct.unpack(">h", answer.read(2))
    return "" if size < 0 else answer.read(size).decode("utf-8")
