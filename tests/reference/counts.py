"""Totals counted straight from a file of events, to check that totals equal counts.

No code is shared with the reference or the engine; nothing may be imported but the standard
library. It knows no rules: every line counts, so it is only for files without repeated keys.
"""

import json
from collections import Counter
from pathlib import Path


def count(path: Path) -> Counter[tuple[str, str]]:
    """The sum of the values by (user, metric); values of the file must be whole numbers."""
    totals: Counter[tuple[str, str]] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        totals[event["user"], event["metric"]] += event["value"]
    return totals
