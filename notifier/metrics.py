"""What the notifier counts. Names and labels are part of the interface for operators."""

from prometheus_client import Counter, Gauge

ATTEMPTS = Counter(
    "xp_webhook_attempts",
    "Attempts to deliver. Outcome: delivered (2xx), rejected (any other answer), unanswered.",
    ["webhook", "outcome"],
)
GIVEN_UP = Counter("xp_webhook_given_up", "Deliveries given up after the last retry.", ["webhook"])
PENDING = Gauge("xp_webhook_pending", "Deliveries not yet made nor given up.", ["webhook"])
FAILED = Gauge("xp_webhook_failed", "Deliveries given up and still in the log.", ["webhook"])
ENQUEUED = Counter("xp_webhook_enqueued", "Deliveries that followed from the ledger.", ["type"])
