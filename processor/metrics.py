"""What a worker counts, for Prometheus. Instruments only; `ops` serves them."""

from prometheus_client import Counter, Gauge, Histogram

APPENDED = Counter("xp_ledger_records", "Records appended to the ledger.", ["outcome"])
FORGED = Counter(
    "xp_forged_inputs",
    "Inputs that only our own parts may send, and that none of them has signed.",
    ["what"],
)
RECOVERED = Counter("xp_lane_recoveries", "Times a lane forgot its state and folded again.")
BATCH_SECONDS = Histogram(
    "xp_lane_batch_seconds",
    "From taking a batch to its rows in the store.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ANNOUNCED = Counter("xp_notices", "Notices sent to the award topics.", ["kind"])
LOOPS = Gauge("xp_loops", "Partitions that are being judged, and announced.", ["loop"])
STORES_DISCARDED = Counter(
    "xp_stores_discarded", "Partitions' local state thrown away, by why.", ["reason"]
)
STORE_FAILURES = Counter("xp_store_failures", "Times the disk let no local state be kept.")
SNAPSHOTS_WRITTEN = Counter("xp_snapshots_written", "Snapshots left for others.")
SNAPSHOTS_LOADED = Counter("xp_snapshots_loaded", "Snapshots taken over in place of a fold.")
SNAPSHOTS_SKIPPED = Counter("xp_snapshots_skipped", "Snapshots that could not be used.", ["reason"])
SNAPSHOT_SECONDS = Histogram(
    "xp_snapshot_seconds",
    "Time to write or to load a snapshot.",
    ["what"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300),
)
CLOCK_INPUTS = Counter("xp_clock_inputs", "Inputs that the clock published.", ["kind"])
CLOCK_LATE = Gauge(
    "xp_clock_late_seconds",
    "How long ago the first of those whose time has come fell due, 0 for none.",
    ["partition"],
)
CLOCK_STUCK = Gauge(
    "xp_clock_stuck",
    "Users whose due inputs were judged to no effect, again and again.",
    ["partition"],
)
BACKFILLS = Gauge(
    "xp_backfills", "Partitions whose users are yet to be visited for what a version asks."
)
STALLS = Counter("xp_worker_stalls", "Times the watchdog found that the consumer had stalled.")
