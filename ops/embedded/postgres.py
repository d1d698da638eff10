"""A real PostgreSQL for this machine only, run from the binaries of an installed package.

Listens on the loopback address with passwords made at the first start. Creates one empty database,
its roles (`postgres_roles`), and knows nothing of what goes into it. Every commit reaches the disk
before it is acknowledged, as anywhere. Started by root it runs as nobody, without any capability.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil
import psycopg
import psycopg.conninfo

from ops.embedded.ports import StackError, choose_port, replace_text
from ops.embedded.postgres_binaries import binaries
from ops.embedded.postgres_roles import (
    ADMINISTRATOR,
    OWNER,
    Passwords,
    hand_over,
    make_roles,
    passwords,
)
from ops.embedded.process import ENVIRONMENT, POLL_S, Child, undone_on_failure
from ops.embedded.server import EmbeddedServer
from projections.grants import READING, SERVING

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
        self._passwords: Passwords | None = None
        self._identity = _identity()
        self._binaries = binaries(self._identity)
        child = Child(
            "postgres",
            self.home,
            marks=[str(self._binaries / "postgres"), self._mark],
            stop_signal=signal.SIGINT,  # ends sessions and stops; SIGTERM would wait for them
            identity=self._identity,
        )
        super().__init__(child)

    @property
    def dsn(self) -> str:
        """The owner's connection string, password included; the server must have been started."""
        return self._dsn(OWNER, self._known.owner)

    @property
    def serving_dsn(self) -> str:
        """That of those who answer and notify."""
        return self._dsn(SERVING, self._known.serving)

    @property
    def reading_dsn(self) -> str:
        """That of those who only read, and nothing personal."""
        return self._dsn(READING, self._known.reading)

    @property
    def administrator_dsn(self) -> str:
        """That of the superuser: for tests that make databases, and for nothing that is served."""
        return self._dsn(ADMINISTRATOR, self._password_file.read_text(encoding="ascii").strip())

    @property
    def _known(self) -> Passwords:
        assert self._passwords is not None, "start() comes before a DSN"
        return self._passwords

    @property
    def _mark(self) -> str:
        """What no other server has on its command line: a setting that means nothing to it."""
        return f"xpledger.home={self.home}"

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
            self._close_password()
            # The directory is ours alone by now; a stale file whose pid was given to somebody else
            # would stop the start.
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            settings = [f"{name}={value}" for name, value in SETTINGS.items()]
            settings += [f"port={self._port}", self._mark]
            words = [word for setting in settings for word in ("-c", setting)]
            command = [str(self._binaries / "postgres"), "-D", "{home}/data", *words]
            self._child.start(command)
            self._child.wait_until(self._answers, START_TIMEOUT_S)
            self._passwords = passwords(self.home / "passwords")
            make_roles(self._maintenance_dsn, self._passwords, DATABASE)
            hand_over(self.administrator_dsn)
        return self

    def _dsn(self, role: str, password: str, database: str = DATABASE) -> str:
        """Give the connection string of a role to a database of this server."""
        assert self._port is not None, "start() comes before a DSN"
        return f"postgresql://{role}:{password}@127.0.0.1:{self._port}/{database}"

    @property
    def _maintenance_dsn(self) -> str:
        return psycopg.conninfo.make_conninfo(self.administrator_dsn, dbname=MAINTENANCE_DATABASE)

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
            "--pgdata={home}/data.new",
            f"--username={ADMINISTRATOR}",
            "--pwfile={home}/password",
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

    def _close_password(self) -> None:
        """Take the administrator's password back from the server, which read it once."""
        if self._identity is not None:
            os.chown(self._password_file, os.geteuid(), os.getegid())

    def _answers(self) -> bool:
        """Whether the server lets us in."""
        with suppress(psycopg.OperationalError):
            psycopg.connect(self._maintenance_dsn, connect_timeout=CONNECT_TIMEOUT_S).close()
            return True
        return False

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


def _identity() -> tuple[int, int] | None:
    """Say as whom the server runs: ourselves (None), or nobody for root, as whom it refuses."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid
