"""The lines of a file of events, one after the other, however large the file or a line of it is.

Only regular files can be read twice. What comes through a pipe is kept in a temporary file while it
is read for the first time, so that it can be checked whole before any of it is sent.
"""

import codecs
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final, Self

from schemas.topics import EVENT_BYTES_MAX

# A longer line is never held: what stands for it is refused for its length alone.
LINE_BYTES_MAX: Final = 2 * EVENT_BYTES_MAX
TOO_LONG: Final = b"\0" * LINE_BYTES_MAX
UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class EventLines:
    """An open file of events, `-` for standard input; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises OSError when there is none."""
        self._opened = ExitStack()
        self._kept: IO[bytes] | None = None
        standard = str(path) == "-"
        # How messages call it.
        self.name = "<stdin>" if standard else str(path)
        self._file: IO[bytes] = (
            sys.stdin.buffer if standard else self._opened.enter_context(path.open("rb"))
        )
        try:
            self._regular = not standard and path.is_file()
            # In bytes, None for what nobody knows before its end.
            self.size = path.stat().st_size if self._regular else None
        except BaseException:
            self._opened.close()
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file, and forget what was kept of it."""
        self._opened.close()

    def read(
        self, *, again: bool = False, progress: Callable[[int], None] = lambda _bytes: None
    ) -> Iterator[bytes]:
        """Yield each line, a byte order mark before the first left out.

        `again`: it will be read once more, which needs room on disk where it comes through a pipe.
        Raises ValueError for a file in UTF-16, which would be one wrong line after the other.
        """
        source, keep = self._source(again=again)

        def piece() -> bytes:
            try:
                got = source.readline(LINE_BYTES_MAX)
                if keep is not None:
                    keep.write(got)
            except OSError as error:
                # A failed read, unlike a failed opening, does not say of what.
                raise OSError(error.errno, error.strerror, self.name) from error
            return got

        first = True
        while line := piece():
            size = len(line)
            if first and line.startswith(UTF_16):
                raise ValueError(f"{self.name}:1: the file is in UTF-16; save it as UTF-8")
            content = line.removeprefix(codecs.BOM_UTF8) if first else line
            first = False
            while len(line) == LINE_BYTES_MAX and not line.endswith(b"\n"):
                content = TOO_LONG
                line = piece()
                size += len(line)
            progress(size)
            yield content
        self._kept = self._kept or keep

    def _source(self, *, again: bool) -> tuple[IO[bytes], IO[bytes] | None]:
        """Return what to read from its beginning, and where to keep a copy of it."""
        source = self._kept or self._file
        if self._kept is not None or self._regular:
            source.seek(0)
            return source, None
        if not again:
            return source, None
        copy = tempfile.TemporaryFile()  # noqa: SIM115  closed with the rest
        return source, self._opened.enter_context(copy)
