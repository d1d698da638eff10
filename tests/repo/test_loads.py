"""What a load of POSTs comes to: when it held, how the highest rate is found, whose CPU counts."""

import os
import subprocess
import sys

import pytest

from benchmarks.ceiling import highest
from benchmarks.cpu import cpu_s
from benchmarks.http_load import Seen
from benchmarks.http_rows import Load
from benchmarks.own_rows import _holds

BURN_S = 0.3
BURN = f"import time\nwhile time.process_time() < {BURN_S}: pass\n"
WAIT = "print(flush=True)\ntime.sleep(60)\n"
# A child of its own, which has ended when it waits.
CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])\nimport time\n"


def load(*, behind=0, latency_ms=5.0, statuses=None):
    seen = Seen([latency_ms] * 1000, [0.0] * 1000, statuses or {"201": 1000}, behind)
    return Load(200.0, seen, {"worker": 700.0, "broker": 300.0})


def test_the_processor_time_of_a_request_is_that_of_all_parts():
    assert load().all_cpu_us == 1000.0


def test_a_load_with_failed_requests_has_no_figure():
    assert load(statuses={"201": 995, "503": 5}).trouble() is None
    assert load(statuses={"201": 980, "503": 20}).trouble() is not None


def test_answers_keep_up_while_few_requests_wait_at_the_end():
    # A fiftieth of 1,000 requests, and a tenth of a second's worth.
    assert load(behind=40).kept_up()
    assert not load(behind=41).kept_up()
    assert load(behind=41).trouble() is None
    assert load(behind=41).trouble(held=True) is not None


def test_a_rate_holds_with_answers_in_time_none_failed_and_none_left_behind():
    assert _holds(load())
    assert not _holds(load(latency_ms=100.0))
    assert not _holds(load(behind=500))
    assert not _holds(load(statuses={"201": 900, "0": 100}))


@pytest.mark.parametrize("ceiling", [90, 400, 555, 3000])
async def test_the_highest_rate_is_found_within_a_twentieth_or_so(ceiling):
    async def holds(rate: float) -> bool:
        return rate <= ceiling

    found = await highest(holds, 400, least=50, most=20_000)
    assert 0.94 * ceiling <= found <= ceiling


async def test_no_rate_that_holds_is_an_error_and_the_most_is_enough():
    async def holds(rate: float) -> bool:
        return rate > 1000

    with pytest.raises(RuntimeError, match="no rate of at least 50/s"):
        await highest(holds, 400, least=50, most=20_000)
    assert await highest(holds, 1500, least=50, most=2000) == 1500


def test_the_processor_time_of_children_counts_once_they_have_ended():
    with subprocess.Popen([sys.executable, "-c", CHILD + WAIT], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert cpu_s(process.pid) >= BURN_S
        process.kill()


def test_the_processor_time_of_children_that_run_counts():
    with subprocess.Popen([sys.executable, "-c", BURN + WAIT], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        before = cpu_s(os.getpid())
        process.stdout.readline()
        assert cpu_s(os.getpid()) - before >= BURN_S / 2
        process.kill()
