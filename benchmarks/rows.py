"""The rows of the table: what each figure is and what it has to reach. Measures nothing."""

from typing import Final, NamedTuple


class Row(NamedTuple):
    """One figure."""

    name: str
    what: str
    # "x" is a ratio.
    unit: str
    # None: a figure that is only stated.
    reach: float | None = None
    moonshot: float | None = None
    low_is_good: bool = False

    def reached(self, value: float) -> str:
        """Say in one word how a value stands to what it has to reach."""
        if self.reach is None or self.moonshot is None:
            return "stated"
        sign = -1 if self.low_is_good else 1
        if sign * value >= sign * self.moonshot:
            return "moonshot"
        return "reached" if sign * value >= sign * self.reach else "missed"


ROWS: Final = (
    Row(
        "judge-small",
        "judge and keep, small job, CPU per event, compiled",
        "\u00b5s",
        12,
        8,
        low_is_good=True,
    ),
    Row(
        "judge-reference",
        "judge and keep, reference rules, CPU per event, compiled",
        "\u00b5s",
        23,
        12,
        low_is_good=True,
    ),
    Row("reference", "worker, reference rules, against Faust doing one total", "x", 14, 20),
    Row("quix", "worker, small job, one process, against Quix Streams", "x", 1.0, 1.5),
    Row("streams", "worker, small job, one process, against Kafka Streams with 2 threads", "x"),
    Row(
        "pair",
        "worker, small job, two processes, against Kafka Streams with 2 threads",
        "x",
        0.9,
        1.2,
    ),
    Row("path", "the whole path, sustained, lag not growing", "events/s", 10_000, 15_000),
    Row("post-200-p50", "POST to verdict, open loop at 200/s, p50", "ms", 3, 2, low_is_good=True),
    Row("post-200-p99", "POST to verdict, open loop at 200/s, p99", "ms", 10, 6, low_is_good=True),
    Row("cpu-200", "CPU of all parts per POST at 200/s", "µs", 3000, 2000, low_is_good=True),
    Row("post-1000-p50", "POST to verdict at 1,000/s, p50", "ms", 5, 3, low_is_good=True),
    Row("post-1000-p99", "POST to verdict at 1,000/s, p99", "ms", 40, 20, low_is_good=True),
    Row(
        "post-2000-p99",
        "POST to verdict at 2,000/s on one gateway, held, p99",
        "ms",
        100,
        50,
        low_is_good=True,
    ),
    Row(
        "own-200-p99",
        "POST at 200/s, p99, against an API on Postgres that a team writes itself",
        "x",
        1.5,
        1,
        low_is_good=True,
    ),
    Row("own-ceiling", "highest rate of POSTs with p99 below 100 ms, against the same", "x", 2, 3),
    Row("postgres", "event to row in Postgres at 1,000/s, p99", "ms", 150, 100, low_is_good=True),
    Row("idle", "idle, all parts and the broker, of a core", "%", 2.5, 1.5, low_is_good=True),
    Row(
        "restart",
        "worker restart to first verdict, local state present",
        "s",
        2.5,
        1,
        low_is_good=True,
    ),
    Row("takeover", "a bare worker takes over, snapshots present", "s", 20, 5, low_is_good=True),
    Row("fold", "fold from record zero", "records/s", 80_000, 150_000),
    Row("rebuild", "projection rebuild from record zero", "records/s", 25_000, 60_000),
    Row("memory", "memory of a worker with 1,000,000 users", "MB", 500, 300, low_is_good=True),
    Row("growth-users", "cost per event with 10 times the users", "x", 1.3, 1.05, low_is_good=True),
    Row("growth-rules", "cost per event with 10 times the rules", "x", 1.3, 1.05, low_is_good=True),
    Row("growth-keys", "cost per event with 10 times the keys", "x", 1.3, 1.05, low_is_good=True),
    Row("one-user", "one user taking all the traffic", "events/s"),
    Row("scaling", "two worker processes against one", "x"),
)
BY_NAME: Final = {row.name: row for row in ROWS}
