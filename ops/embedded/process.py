"""One child process that neither outlives its supervisor nor runs twice on the same directory.

Knows processes, pid files and locks; must not know what Kafka or PostgreSQL is.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Self

import psutil

from ops.embedded.ports import StackError
from ops.private import make_private

LAUNCHER = Path(__file__).with_name("launch.py")
LOG_BYTES_MAX = 8 * 1024 * 1024
TAIL_LINES = 25
POLL_S = 0.05
ORPHAN_PATIENCE_S = 15.0

# Nothing of the caller's environment reaches a child: an inherited JAVA_TOOL_OPTIONS or PGPORT
# would make the stack behave differently from one shell to the next.
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Child:
    """A program run under supervision: watched, and gone when its supervisor is gone."""

    def __init__(
        self,
        name: str,
        home: Path,
        *,
        marks: Sequence[str],
        stop_signal: signal.Signals,
        identity: tuple[int, int] | None = None,
        environment: Mapping[str, str] | None = None,
        niceness: int = 0,
    ) -> None:
        """Describe the child; nothing runs yet.

        name: what messages call it. home: its directory, for pid file, lock and log. marks: words
        that all stand on its command line and on no other's, by which an orphan is told from a
        stranger who was given the same pid. stop_signal: asks it to end in good order. identity:
        user and group to run as, for root only. environment: variables beside the few that every
        child gets. niceness: how far it gives way to others where cores are short, 0 to 19.
        """
        self.name = name
        self.home = home
        self.log = home / f"{name}.log"
        self._pid_file = home / f"{name}.pid"
        self._marks = tuple(marks)
        self._stop_signal = stop_signal
        self._identity = identity
        self._environment = {**ENVIRONMENT, **(environment or {})}
        self._niceness = niceness
        self._lock: IO[str] | None = None
        self._spawning: Future[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()

    @property
    def pid(self) -> int | None:
        """The process id while the child runs, else None."""
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether the child was started and has not ended."""
        return self._process is not None and not self._ended.is_set()

    @property
    def exit_code(self) -> int | None:
        """How the child ended (negative: by that signal); None while it runs or before."""
        return self._process.returncode if self._process is not None else None

    def claim(self) -> Self:
        """Take the directory for this supervisor and end an orphan that a killed one left behind.

        StackError when a live supervisor holds the directory. The lock is the kernel's, so it falls
        with its holder, however that one dies.
        """
        if self._lock is not None:  # still held: the child died by itself and is started again
            return self
        self._make_home()
        lock = (self.home / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise StackError(
                f"{self.name}: {self.home} is in use by process {holder}; "
                "stop that one or name another data directory"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock
        self._end_orphan()
        return self

    def _make_home(self) -> None:
        """Make the directory, for its user only: what others make in here may be for everybody."""
        make_private(self.home)
        if self._identity is not None:
            # The child has to pass it, and may not look into it.
            os.chown(self.home, -1, self._identity[1])
            self.home.chmod(0o710)

    def release(self) -> None:
        """Give the directory back; harmless when it was not held."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def start(self, command: Sequence[str]) -> None:
        """Start the command (first word: absolute path). The directory must be claimed before."""
        assert self._lock is not None, "claim() comes before start()"
        assert not self.alive, f"{self.name} is already running"
        self._ended.clear()
        self._process = None
        spawning = self._spawning = Future()
        # The death signal is sent when the *thread* that forked ends, not the process. This one
        # lives exactly as long as the child, so start() may be called from any thread, a pool's
        # included.
        threading.Thread(
            target=self._spawn_and_watch,
            args=(command, spawning),
            name=f"{self.name}-watch",
            daemon=True,
        ).start()
        spawning.result()

    def stop(self, patience_s: float) -> None:
        """Ask the child to end, insist after a while, give the directory back. Twice is fine."""
        if self._spawning is not None:
            wait((self._spawning,))  # start() may have been interrupted while the thread went on
        if self._process is not None and not self._ended.is_set():
            self._process.send_signal(self._stop_signal)
            if not self._ended.wait(patience_s):
                self._process.kill()
                self._ended.wait()
        if self._lock is not None:
            self._pid_file.unlink(missing_ok=True)
        self.release()

    def tied(self, command: Sequence[str]) -> list[str]:
        """Wrap a command to run under the child's identity and die with the calling thread.

        The word {home} in it stands for the child's directory, by a path that it can follow.
        For preparations that are over before the child starts; the pid file names them meanwhile.
        """
        identity = "-" if self._identity is None else "{}:{}".format(*self._identity)
        numbers = [str(os.getpid()), str(int(self._stop_signal))]
        words = [str(self._pid_file), *numbers, identity, str(self._niceness), str(self.home)]
        return [sys.executable, "-I", "-S", str(LAUNCHER), *words, *command]

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Return once ready() is true; StackError when the child dies or time runs out."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self._ended.is_set():
                raise self.error(f"ended with exit code {self.exit_code} while starting")
            if time.monotonic() > deadline:
                raise self.error(f"did not answer within {timeout_s:.0f} s")
            time.sleep(POLL_S)

    def error(self, what: str) -> StackError:
        """Make an error that says what happened, with the end of the child's log."""
        return StackError(f"{self.name} {what}; the end of {self.log}:\n{self.log_tail()}")

    def log_tail(self, lines: int = TAIL_LINES) -> str:
        """Give the last lines of the child's log; empty when there is none."""
        with suppress(FileNotFoundError):
            return "\n".join(
                self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
            )
        return ""

    def _spawn_and_watch(self, command: Sequence[str], spawning: Future[None]) -> None:
        """Start the child and stay until it ends; the body of the watching thread."""
        try:
            self.turn_log()
            self.log.touch(mode=0o600)
            with self.log.open("ab") as log:
                process = self._process = subprocess.Popen(  # noqa: S603  the caller's own command
                    self.tied(command),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.home,
                    env=self._environment,
                    start_new_session=True,  # Ctrl-C is for the supervisor, who stops us in order
                )
        except OSError as problem:
            spawning.set_exception(StackError(f"{self.name} cannot be started: {problem}"))
            return
        spawning.set_result(None)
        process.wait()
        self._ended.set()

    def turn_log(self) -> None:
        """Put a log that has grown large aside, so that at most two of that size are kept.

        It is copied and emptied, for the child goes on writing to the end of the same file: what it
        writes between the two is lost.
        """
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_BYTES_MAX:
                shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
                os.truncate(self.log, 0)

    def _end_orphan(self) -> None:
        """End the process in the pid file if it is ours; a stranger with that pid is left alone."""
        try:
            orphan = psutil.Process(int(self._pid_file.read_text(encoding="ascii")))
            words = orphan.cmdline()
        except (FileNotFoundError, ValueError, psutil.Error):
            return
        if not all(mark in words for mark in self._marks):
            return
        with suppress(psutil.NoSuchProcess):
            orphan.send_signal(self._stop_signal)
            orphan.resume()  # one that was stopped would not hear the signal
            if not _is_gone_within(orphan, ORPHAN_PATIENCE_S):
                orphan.kill()
                if not _is_gone_within(orphan, ORPHAN_PATIENCE_S):
                    raise StackError(f"{self.name}: process {orphan.pid} cannot be ended")


@contextmanager
def undone_on_failure(undo: Callable[[], None]) -> Iterator[None]:
    """Run undo() when the body fails or is interrupted: a failed start leaves nothing behind."""
    try:
        yield
    except BaseException:
        undo()
        raise


def _is_gone_within(process: psutil.Process, patience_s: float) -> bool:
    """Wait for a process that is not our child; a dead one that nobody buries counts as gone."""
    deadline = time.monotonic() + patience_s
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
