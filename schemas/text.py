"""What each text is: an alias for whatever is text by nature, and what such a text may look like.

Aliases only name a text; the limits hold where texts come in (`schemas.inputs`, definitions). What
the ledger has was within the limits of its day and is read without them.
"""

import re
from functools import lru_cache
from typing import Annotated, Final

from msgspec import Meta

TenantKey = str
UserId = str
MetricKey = str
AttributeKey = str
AttributeText = str
AchievementKey = str
SystemKey = str
TriggerKey = str
BoostKey = str
LevelKey = str
PauseId = str
# An IANA name, such as Europe/Berlin.
ZoneName = str
IdempotencyKey = str
# epoch-partition-offset of where an event was first found.
EventId = str
# The random token of one lane during one assignment.
LaneToken = str
# The event attributes of a filter, URL-encoded and sorted (`schemas.definitions.filter_id`).
FilterId = str
# A metric, or metric?filter: what a total or subtotal is kept under.
SeriesName = str
# tenant NUL user: what a user's state is kept under. Neither part holds a NUL.
UserPath = str
# ISO 8601 with an offset.
InstantText = str
# A sentence for people.
Reason = str

# Python's `$` would let a newline at the end pass.
KEY_PATTERN: Final = r"^[a-zA-Z0-9_-]+(?!\n)$"
KEY_LENGTH_MAX: Final = 255
USER_ID_LENGTH_MAX: Final = 255
IDEMPOTENCY_KEY_LENGTH_MAX: Final = 255
ATTRIBUTES_MAX: Final = 100
ATTRIBUTE_LENGTH_MAX: Final = 1024
REASON_LENGTH_MAX: Final = 1024
PERSONAL_LENGTH_MAX: Final = 1024

# The same texts with their limits, for what comes in.
KeyIn = Annotated[str, Meta(pattern=KEY_PATTERN, max_length=KEY_LENGTH_MAX)]
# Of what every event has: the schema tells of the pattern, and `is_key` looks, which remembers.
EventKeyIn = Annotated[
    str, Meta(max_length=KEY_LENGTH_MAX, extra_json_schema={"pattern": KEY_PATTERN})
]
UserIdIn = Annotated[str, Meta(min_length=1, max_length=USER_ID_LENGTH_MAX)]
IdempotencyKeyIn = Annotated[str, Meta(min_length=1, max_length=IDEMPOTENCY_KEY_LENGTH_MAX)]
AttributeIn = Annotated[str, Meta(max_length=ATTRIBUTE_LENGTH_MAX)]
AttributesIn = Annotated[dict[str, AttributeIn], Meta(max_length=ATTRIBUTES_MAX)]
UserAttributesIn = Annotated[dict[str, AttributeIn | None], Meta(max_length=ATTRIBUTES_MAX)]
ReasonIn = Annotated[str, Meta(min_length=1, max_length=REASON_LENGTH_MAX)]
PersonalIn = Annotated[str, Meta(max_length=PERSONAL_LENGTH_MAX)]
# Read as text, and then by `schemas.instants.read_instant`.
InstantIn = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
PauseIdIn = Annotated[str, Meta(min_length=1, max_length=64)]
EventIdIn = Annotated[str, Meta(pattern=r"^[0-9]{1,9}-[0-9]{1,9}-[0-9]{1,18}(?!\n)$")]

_KEY: Final = re.compile(r"[a-zA-Z0-9_-]+")


# The same few keys come again and again.
@lru_cache(maxsize=4096)
def is_key(text: str) -> bool:
    """Tell whether a text may be the key of a tenant or a definition."""
    return len(text) <= KEY_LENGTH_MAX and _KEY.fullmatch(text) is not None


def text_problem(text: str) -> str | None:
    """Return why no door takes a text, None if they do (decision OD-63 in the docs).

    Postgres keeps no text with U+0000, and a lone surrogate cannot be written as UTF-8.
    """
    if "\0" in text:
        return "must not contain the character U+0000"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "must not contain half of a surrogate pair"
    return None
