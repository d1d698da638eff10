"""Ports of the loopback address, and the small files that remember them. Knows no processes."""

import os
import secrets
import socket
from contextlib import closing
from pathlib import Path

# Below the range from which Linux takes the ports of outgoing connections, so that a port found
# free stays free until the child binds it.
PORTS_FROM, PORTS_TO = 20_000, 32_000


class StackError(RuntimeError):
    """A part cannot be started or has stopped; the message says why and what to look at."""


class PartDiedError(Exception):
    """A part ended by itself; the message has the end of its log."""


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with closing(socket.socket()) as probe:
        # As servers do: a port whose old connections are still winding down is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose_port(name: str, file: Path, wanted: int | None) -> int:
    """Settle on a port and remember it in the file.

    wanted: the port asked for, which must be free (else StackError, in the name given); None takes
    the remembered one, or a free one when there is none or somebody else has it by now.
    """
    if wanted is not None:
        if not port_is_free(wanted):
            raise StackError(
                f"{name}: port {wanted} is taken; stop what listens there or choose another port"
            )
        port = wanted
    else:
        remembered = int(file.read_text(encoding="ascii")) if file.exists() else 0
        port = remembered if remembered and port_is_free(remembered) else _free_port()
    replace_text(file, f"{port}\n")
    return port


def replace_text(file: Path, text: str, mode: int = 0o644) -> None:
    """Write the text so that whoever reads the file sees the old or the new content whole."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=mode)
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def _free_port() -> int:
    """Find a port that nobody listens on, at random: stacks starting together rarely meet."""
    for _ in range(1_000):
        port = PORTS_FROM + secrets.randbelow(PORTS_TO - PORTS_FROM)
        if port_is_free(port):
            return port
    raise StackError(f"no free port between {PORTS_FROM} and {PORTS_TO}")
