"""What the door counts. Names and labels are part of the interface for operators.

No label takes what a client chose: whoever sends requests could make as many series as they like.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

# The methods that clients use; whatever else is sent is counted as one.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD: Final = "other"
# What no route answers.
NO_ROUTE: Final = "unknown"

REQUESTS = Counter("xp_http_requests", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "xp_http_request_seconds",
    "Time from request to answer.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
VERDICT_SECONDS = Histogram(
    "xp_gateway_verdict_seconds",
    "Time from the request to the ledger record of its event.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
VERDICTS = Counter(
    "xp_gateway_verdicts",
    "Events answered, by the outcome of the ledger or `pending`.",
    ["outcome"],
)
WAITERS = Gauge("xp_gateway_waiters", "Requests that wait for the verdict on their event.")
CONNECTIONS = Gauge("xp_gateway_connections", "Connections of clients that are open.")
CONNECTIONS_ENDED = Counter(
    "xp_gateway_connections_ended",
    "Connections that the gateway ended: what did not come in time (head, body, reading), those "
    "that made room while there were too many (crowded), and those turned away (refused).",
    ["reason"],
)
FAILURES = Counter(
    "xp_gateway_failures", "Failures of a background part, which then begins anew.", ["part"]
)


def method_label(method: str) -> str:
    """Return what a request's method is counted as."""
    return method if method in METHODS else OTHER_METHOD
