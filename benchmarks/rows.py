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
    Row("reference", "worker, backlog, reference rules, against Faust doing one total", "x", 8, 20),
    Row("quix", "worker, backlog, small job, against Quix Streams doing the same", "x", 1.5, 3),
    Row("streams", "worker, backlog, small job, against Kafka Streams doing the same", "x", 0.5, 1),
    Row("path", "the whole path, sustained, lag not growing", "events/s", 5000, 15_000),
    Row("post-200-p50", "POST to verdict, open loop at 200/s, p50", "ms", 6, 3, low_is_good=True),
    Row("post-200-p99", "POST to verdict, open loop at 200/s, p99", "ms", 20, 8, low_is_good=True),
    Row("post-1000-p99", "POST to verdict at 1,000/s, p99", "ms", 60, 25, low_is_good=True),
    Row("postgres", "event to row in Postgres at 1,000/s, p99", "ms", 500, 150, low_is_good=True),
    Row(
        "restart",
        "worker restart to first verdict, local state present",
        "s",
        3,
        1,
        low_is_good=True,
    ),
    Row("takeover", "a bare worker takes over, snapshots present", "s", 20, 5, low_is_good=True),
    Row("fold", "fold from record zero", "records/s", 100_000, 300_000),
    Row("rebuild", "projection rebuild from record zero", "records/s", 20_000, 60_000),
    Row("memory", "memory of a worker with 1,000,000 users", "MB", 1500, 500, low_is_good=True),
    Row("growth-users", "cost per event with 10 times the users", "x", 1.3, 1.05, low_is_good=True),
    Row("growth-rules", "cost per event with 10 times the rules", "x", 1.3, 1.05, low_is_good=True),
    Row("growth-keys", "cost per event with 10 times the keys", "x", 1.3, 1.05, low_is_good=True),
    Row("one-user", "one user taking all the traffic", "events/s"),
    Row("scaling", "two worker processes against one", "x"),
)
BY_NAME: Final = {row.name: row for row in ROWS}
