"""Disks that are full at the push of a button.

Where this process may mount, a directory gets a small file system of its own (tmpfs), and is full
when that is shrunk to what it holds: no memory is spent on filling it. Elsewhere the processes are
forbidden to write any file beyond its first bytes (RLIMIT_FSIZE): they get EFBIG instead of ENOSPC,
and files that exist already cannot be written either. Knows nothing of what is kept on the disk.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, Protocol

import psutil

PAGE_BYTES: Final = 4096
# Between the look at what is used and the shrinking, somebody writes.
SHRINK_ATTEMPTS: Final = 200
COMMAND_TIMEOUT_S: Final = 20


class Disk(Protocol):
    """Something that can be full."""

    # How it is brought about, for the report.
    means: str

    def fill(self) -> None:
        """Leave no room. Twice is harmless."""

    def free(self) -> None:
        """Give the room back. Twice is harmless."""


class MountedDisk:
    """A tmpfs on a directory, until `remove`."""

    means = "a tmpfs without room"

    def __init__(self, directory: Path, size_bytes: int) -> None:
        """Mount it; the directory is made, and what was in it is hidden.

        Raises subprocess.CalledProcessError where mounting is not permitted.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._size = size_bytes
        _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0755", "tmpfs", str(directory))

    def fill(self) -> None:
        """See Disk."""
        for _ in range(SHRINK_ATTEMPTS):
            found = os.statvfs(self.directory)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            # A size of nothing would mean: without limit.
            with contextlib.suppress(subprocess.CalledProcessError):
                self._resize(max(used, PAGE_BYTES))
                return
        raise OSError(f"{self.directory} could not be shrunk: it was written to all the time")

    def free(self) -> None:
        """See Disk."""
        self._resize(self._size)

    def remove(self) -> None:
        """Unmount, whoever still has files open there. Twice is harmless."""
        if os.path.ismount(self.directory):
            _run("umount", "--lazy", str(self.directory))

    def _resize(self, size: int) -> None:
        _run("mount", "-o", f"remount,size={size}", str(self.directory))


class ForbiddenFiles:
    """Processes that may not write files; `pids` says which at the time."""

    means = "RLIMIT_FSIZE of 0"

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        """Take who is concerned; their children are too."""
        self._pids = pids
        self._known: dict[psutil.Process, tuple[int, int]] = {}

    def fill(self) -> None:
        """See Disk. Raises PermissionError where the processes are somebody else's."""
        for process in _with_children(self._pids()):
            with _unless_gone():
                before = process.rlimit(resource.RLIMIT_FSIZE)
                self._known.setdefault(process, before)
                # The hard limit stays: only root may raise one again.
                process.rlimit(resource.RLIMIT_FSIZE, (0, before[1]))

    def free(self) -> None:
        """See Disk."""
        known, self._known = self._known, {}
        for process in {*known, *_with_children(self._pids())}:
            with _unless_gone():
                _soft, hard = process.rlimit(resource.RLIMIT_FSIZE)
                process.rlimit(resource.RLIMIT_FSIZE, (hard, hard))


@cache
def may_mount() -> bool:
    """Whether this process may mount file systems."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    with tempfile.TemporaryDirectory() as scratch:
        try:
            disk = MountedDisk(Path(scratch), 16 * PAGE_BYTES)
            disk.fill()
        except (OSError, subprocess.SubprocessError):
            return False
        disk.remove()
        return True


def _with_children(pids: Iterable[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            found += [process, *process.children(recursive=True)]
    return found


@contextlib.contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        with contextlib.suppress(psutil.NoSuchProcess):
            yield
    except psutil.AccessDenied as error:
        raise PermissionError(f"limits of process {error.pid} cannot be set") from error


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=COMMAND_TIMEOUT_S)
