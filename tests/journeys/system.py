"""The whole system under test: every part a process, on a database and topics of its own."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from broker.connection import Connection
from schemas.topics import Topics

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("worker", "project", "serve", "notify")
READY_WAIT_S = 60.0


class System:
    """Starts, kills and asks the parts of one system; `stop` ends whatever still runs."""

    def __init__(self, stack, database, prefix, data_dir, **settings):
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir
        self.dsn = database
        self.topics = Topics(f"{prefix}.")
        self.connection = Connection(stack.kafka)
        self.environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("XP_")},
            "PYTHONPATH": str(ROOT),
            "XP_KAFKA": stack.kafka,
            "XP_PARTS_SECRET": "a secret of the parts of a journey",
            "XP_POSTGRES": database,
            "XP_TOPIC_PREFIX": self.topics.prefix,
            "XP_DATA_DIR": str(data_dir),
            "XP_PORT": str(self.port),
            "XP_PARTITIONS": "4",
            "COLUMNS": "200",
            **settings,
        }
        self._processes = {}
        self.api_key = ""

    def xp(self, *arguments, check=True, text=None):
        """Run one command to its end and return it."""
        done = subprocess.run(
            [sys.executable, "-m", "ops", *arguments],
            env=self.environment,
            cwd=ROOT,
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"xp {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done

    def set_up(self):
        """Make tables, topics and a key."""
        self.xp("migrate")
        self.xp("topics")
        self.api_key = json.loads(self.xp("keys", "create", "--json").stdout)["key"]

    def start(self, *parts):
        """Start parts, all of them unless named; "worker 2" is a second worker."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        for part in parts or PARTS:
            with (self.data_dir / f"{part}.log").open("ab") as log:
                self._processes[part] = subprocess.Popen(
                    [sys.executable, "-m", "ops", part.split()[0]],
                    env=self.environment,
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                )

    def kill(self, part):
        """End a part as kill -9 does."""
        process = self._processes.pop(part)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def has_ended(self, part):
        """Tell whether a part has ended by itself."""
        return self._processes[part].poll() is not None

    def stop(self):
        """End every part in good order; an AssertionError tells of one that had failed."""
        failed = {part: it.poll() for part, it in self._processes.items() if it.poll() is not None}
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        logs = {part: self.log_of(part) for part in failed}
        assert not failed, f"parts ended by themselves: {failed}\n{logs}"

    def log_of(self, part):
        """Return the end of a part's log."""
        return (self.data_dir / f"{part}.log").read_text(errors="replace")[-4000:]

    def wait_ready(self):
        """Return once the gateway says that it is ready."""
        wait_until(lambda: _is_ready(self.url), READY_WAIT_S, lambda: self.log_of("serve"))

    def get(self, path):
        """Ask the gateway."""
        return httpx.get(f"{self.url}/v1{path}", headers={"X-API-KEY": self.api_key}, timeout=20)

    def post_event(self, metric, key=None, **body):
        """Post an event."""
        headers = {"X-API-KEY": self.api_key}
        if key is not None:
            headers["Idempotency-Key"] = key
        url = f"{self.url}/v1/metrics/{metric}/event"
        return httpx.post(url, headers=headers, json=body, timeout=20)


def wait_until(holds, patience_s, explain=lambda: ""):
    """Return once `holds()` is true; an AssertionError says what `explain()` does otherwise."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience_s} s: {explain()}")
        time.sleep(0.1)


async def wait_until_async(holds, patience_s):
    """Return once `await holds()` is true."""
    async with asyncio.timeout(patience_s):
        while not await holds():
            await asyncio.sleep(0.1)


def _is_ready(url):
    try:
        return httpx.get(f"{url}/readyz", timeout=5).is_success
    except httpx.TransportError:
        return False


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
