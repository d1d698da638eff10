"""What the projector measures of itself. Who serves the numbers is not known here."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

RECORDS: Final = Counter(
    "xp_projector_records", "Ledger records whose effects and position were stored."
)
SKIPPED: Final = Counter("xp_projector_skipped", "Ledger records that the chain rule skipped.")
SET_ASIDE: Final = Counter(
    "xp_projector_set_aside", "Ledger records that Postgres cannot hold, and that were set aside."
)
PROFILES: Final = Counter("xp_projector_profiles", "Profiles stored.")
PROFILES_UNREADABLE: Final = Counter(
    "xp_projector_profiles_unreadable", "Records of the profiles topic that are no profile."
)
INTERRUPTIONS: Final = Counter(
    "xp_projector_interruptions", "Times that Kafka or Postgres was away."
)
BATCH_SECONDS: Final = Histogram(
    "xp_projector_batch_seconds",
    "Time to store one batch.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
LAG_RECORDS: Final = Gauge(
    "xp_projector_lag_records", "Ledger records that have not been read yet."
)
LAG_SECONDS: Final = Gauge(
    "xp_projector_lag_seconds", "Age of what the read models show while behind, else 0."
)
