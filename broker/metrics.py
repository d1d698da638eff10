"""What every part counts of xpledger's own topics, for Prometheus. Instruments only."""

from typing import Final

from prometheus_client import Counter

FOREIGN: Final = Counter(
    "xp_foreign_records",
    "Records of xpledger's own topics that are none of its own, passed over.",
    ["topic"],
)
