"""What a worker counts, for Prometheus. Instruments only; `ops` serves them."""

from prometheus_client import Counter, Gauge, Histogram

APPENDED = Counter("xp_ledger_records", "Records appended to the ledger.", ["outcome"])
RECOVERED = Counter("xp_lane_recoveries", "Times a lane forgot its state and folded again.")
BATCH_SECONDS = Histogram(
    "xp_lane_batch_seconds",
    "From taking a batch to its rows in the store.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ANNOUNCED = Counter("xp_notices", "Notices sent to the award topics.", ["kind"])
LOOPS = Gauge("xp_loops", "Partitions that are being judged, and announced.", ["loop"])
