"""`xp up` on the embedded stack: started, killed, started again, stopped."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import httpx
import psutil
import pytest
from journeys.system import ROOT, _free_port, wait_until

from ops.up import RESTARTS_MAX

START_WAIT_S = 90


@pytest.fixture
def up(tmp_path):
    """Return `start`, for `xp up` on one data directory, and its `url`; what is left is ended."""
    started = []
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("XP_")},
        **{name: os.environ[name] for name in ("XP_CACHE_DIR",) if name in os.environ},
        "PYTHONPATH": str(ROOT),
        "XP_DATA_DIR": str(tmp_path / "data"),
        "XP_PORT": str(_free_port()),
        "XP_API_KEY": "a-key-of-the-test-itself",
        "XP_PARTITIONS": "2",
        "COLUMNS": "120",
    }

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "ops", "up", *arguments],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield SimpleNamespace(start=start, url=f"http://127.0.0.1:{environment['XP_PORT']}")
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        if process.stdout is not None:
            process.stdout.close()


def _left(tmp_path):
    """Return the processes that name the data directory."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(str(tmp_path) in word for word in words):
            found.append(process)
    return found


def _answers(url):
    try:
        return httpx.get(f"{url}/readyz", timeout=5).is_success
    except httpx.TransportError:
        return False


def test_a_killed_xp_up_leaves_nothing_running_and_starts_again_where_it_was(up, tmp_path):
    events = tmp_path / "events.ndjson"
    events.write_text("".join(f'{{"user": "u{n % 3}", "metric": "lessons"}}\n' for n in range(30)))
    first = up.start("--game", "examples/game.yaml", "--publish", str(events))
    wait_until(lambda: _answers(up.url) or first.poll() is not None, START_WAIT_S)
    assert first.poll() is None, first.stdout.read()
    key = {"X-API-KEY": "a-key-of-the-test-itself"}

    def total():
        answer = httpx.get(f"{up.url}/v1/users/u0/metrics/lessons", headers=key, timeout=10)
        return answer.json().get("current")

    wait_until(lambda: total() == 10, START_WAIT_S)

    first.send_signal(signal.SIGKILL)
    first.wait()
    wait_until(lambda: not _left(tmp_path), 20, lambda: str(_left(tmp_path)))

    again = up.start("--publish", str(events), "--exit-when-idle")
    said, _ = again.communicate(timeout=START_WAIT_S)
    assert again.returncode == 0, said
    assert "Published 30 events" in said
    # No idempotency keys: what is published again counts again.
    assert "20" in next(line for line in said.splitlines() if "u0" in line)
    assert not _left(tmp_path)


def test_sigterm_ends_everything(up, tmp_path):
    told = up.start()
    wait_until(lambda: _answers(up.url) or told.poll() is not None, START_WAIT_S)
    told.terminate()
    assert told.wait(60) == 0
    assert not _left(tmp_path)


def test_a_part_that_dies_is_started_again_but_not_for_ever(up, tmp_path):
    started = up.start()
    # Not before it says so itself: what ends earlier is a failed start, which is not tried again.
    assert any(line.startswith("Gateway") for line in started.stdout)

    def workers():
        return [it for it in _left(tmp_path) if "worker" in it.cmdline()]

    for _ in range(RESTARTS_MAX):
        (worker,) = workers()
        worker.kill()
        worker.wait(10)
        wait_until(lambda: workers() or started.poll() is not None, 20)
        assert started.poll() is None, started.stdout.read()
    workers()[0].kill()
    assert started.wait(60) == 1
    assert "worker ended by itself" in started.stdout.read()
    assert not _left(tmp_path)
