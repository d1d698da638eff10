"""What the embedded servers have in common: a child that is started, asked about and stopped.

Knows no server in particular; each says for itself how it is started.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.embedded.process import Child

STOP_PATIENCE_S = 20.0


class EmbeddedServer(ABC):
    """One server on one directory; as a context manager it runs for the length of the block."""

    def __init__(self, child: Child) -> None:
        """Take the child that the server will be; nothing runs yet."""
        self._child = child

    @abstractmethod
    def start(self) -> Self:
        """Start the server and return when it serves; StackError when it does not come up."""

    @property
    def alive(self) -> bool:
        """Whether the server runs."""
        return self._child.alive

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._child.pid

    @property
    def log(self) -> Path:
        """The file that holds what the server has to say."""
        return self._child.log

    def log_tail(self) -> str:
        """Give the last lines of the server's log."""
        return self._child.log_tail()

    def turn_log(self) -> None:
        """Put a log that has grown large aside."""
        self._child.turn_log()

    def stop(self) -> None:
        """Stop the server in good order, by force after some seconds. Twice is harmless."""
        self._child.stop(STOP_PATIENCE_S)

    def __enter__(self) -> Self:
        """Start, for a `with` block."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop at the end of a `with` block."""
        self.stop()
