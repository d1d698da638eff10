"""`xp up` on the embedded stack: started, killed, started again, stopped."""

import json
import os
import signal
import stat
import subprocess
import sys
from types import SimpleNamespace

import httpx
import psutil
import pytest
from journeys.system import ROOT, _free_port, wait_until

from ops.stack import RESTARTS_MAX

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
        "XP_API_KEY": "a-key-of-the-test-itself-and-no-other",
        "XP_PARTITIONS": "2",
        # Narrow, so that a line that wraps would show.
        "COLUMNS": "60",
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

    def xp(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "ops", *arguments],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    url = f"http://127.0.0.1:{environment['XP_PORT']}"
    yield SimpleNamespace(start=start, xp=xp, url=url)
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
    key = {"X-API-KEY": "a-key-of-the-test-itself-and-no-other"}

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
    data = tmp_path / "data"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    # What Postgres keeps is its own user's where root has started all this.
    kept = [it for it in data.rglob("*") if it.relative_to(data).parts[0] != "postgres"]
    assert {"kafka", "parts", "worker", "snapshots"} <= {it.name for it in kept}
    assert not [str(it) for it in kept if it.stat().st_mode & 0o077]


def test_the_parts_that_nobody_waits_for_give_way_and_sigterm_ends_everything(up, tmp_path):
    told = up.start()
    wait_until(lambda: _answers(up.url) or told.poll() is not None, START_WAIT_S)
    mine = psutil.Process().nice()
    assert {
        part: process.nice() - mine
        for process in _left(tmp_path)
        for part in ("worker", "serve", "project", "notify")
        if part in process.info["cmdline"]
    } == {"worker": 0, "serve": 0, "project": 5, "notify": 5}
    told.terminate()
    assert told.wait(60) == 0
    assert not _left(tmp_path)


def test_what_is_printed_can_be_copied_and_the_doctor_looks_where_the_gateway_is(up, tmp_path):
    port = _free_port()
    started = up.start("--port", str(port))
    lines = []
    for line in started.stdout:
        lines.append(line.rstrip("\n"))
        if "Ctrl-C" in line:
            break
    url = f"http://127.0.0.1:{port}"
    data = tmp_path / "data"
    for whole in (
        f"Gateway   {url}/v1",
        f"Docs      {url}/docs",
        f"Ready     {url}/readyz",
        f"Logs      {data / 'parts'}",
        f"Try       xp --data-dir {data} doctor",
    ):
        assert whole in lines
    (gateway,) = [
        it for it in json.loads(up.xp("doctor", "--json").stdout) if it["what"] == "Gateway"
    ]
    assert gateway["ok"]
    assert url in gateway["found"]
    started.terminate()
    assert started.wait(60) == 0
    # Nothing runs, so the gateway is where one would listen by the settings.
    assert f"{up.url}/readyz" in up.xp("doctor").stdout


def test_a_file_with_bad_lines_ends_xp_up_unless_they_are_to_be_skipped(up, tmp_path):
    events = tmp_path / "events.ndjson"
    events.write_text('{"user": "u", "metric": "lessons"}\n{"user": "u", "metric": "lesons"}\n')
    job = ("--game", "examples/game.yaml", "--publish", str(events), "--exit-when-idle")
    refused = up.start(*job)
    said, _ = refused.communicate(timeout=START_WAIT_S)
    assert refused.returncode == 1
    assert said.splitlines()[-3:] == [
        f"xp: {events}: 1 of 2 lines cannot be published, so nothing was:",
        f"  {events}:2: there is no metric 'lesons' (known: lessons, minutes)",
        "Correct them, or publish the other lines with --skip-bad.",
    ]
    assert not _left(tmp_path)
    skipping = up.start(*job, "--skip-bad")
    said, _ = skipping.communicate(timeout=START_WAIT_S)
    assert skipping.returncode == 0
    assert f"Published 1 events from {events}, 1 refused" in said.splitlines()


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
