"""What a part says of itself over HTTP: its metrics, and whether it is ready."""

import httpx
import pytest

from ops.probes import Probes, serve_probes
from processor.progress import Progress


@pytest.fixture
def probes():
    return Probes()


@pytest.fixture
def url(probes):
    server = serve_probes("127.0.0.1", 0, probes)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_part_that_says_nothing_is_ready(url):
    answer = httpx.get(f"{url}/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})


def test_a_part_that_has_a_problem_is_not(url, probes):
    probes.problem = lambda: "partition 3 stands still"
    answer = httpx.get(f"{url}/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "problem": "partition 3 stands still"}


def test_the_metrics_are_where_they_were(url):
    assert "xp_" in httpx.get(f"{url}/metrics").text


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_lane_without_work_does_not_stand_still(clock):
    progress = Progress(clock)
    clock.now += 99
    assert progress.still_s == 0
    progress.move(more=False)
    clock.now += 99
    assert progress.still_s == 0


def test_a_lane_that_works_moves(clock):
    progress = Progress(clock)
    progress.wait()
    clock.now += 2
    assert progress.still_s == 2
    progress.move(more=True)
    assert progress.still_s == 0


def test_a_lane_that_fails_and_begins_again_stands_still_all_the_while(clock):
    progress = Progress(clock)
    progress.begin()
    clock.now += 20
    progress.wait()
    clock.now += 20
    progress.wait()
    assert progress.still_s == 40
