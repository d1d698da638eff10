"""How large, long and many things may be in definitions: every number of it, in one place.

`docs/howto/write-a-game.md` lists them under *Limits*, and a test compares. How many bytes a whole
version may have is said where it is written (`schemas.codec`).
"""

from typing import Final

# What a reader of JSON holds exactly, whatever its language.
WHOLE_MAX: Final = 2**53 - 1
# Points of a trigger, given or taken.
POINTS_MAX: Final = 10**12
# Decimals: smaller than 10^15, with so many places. Sums of a trillion of them are still exact.
DECIMAL_DIGITS: Final = 15
DECIMAL_PLACES: Final = 18

FREEZES_MAX: Final = 100
# Days between two freezes that are earned, and how many each time.
FREEZE_INTERVAL_MAX: Final = 365
FREEZE_AMOUNT_MAX: Final = 10
# Hours or days of a time trigger. An event may be of the year 8999, and the interval after it still
# has to end within the calendar: 100,000 days are 273 years.
TIME_INTERVAL_MAX: Final = 100_000

NAME_MAX: Final = 255
TEXT_MAX: Final = 4096
URL_MAX: Final = 2048

# Of what is in use; what is archived is bounded by the bytes of a version alone.
ITEMS_MAX: Final = 1000
SYSTEMS_MAX: Final = 100
# Different filters by which metrics are counted: what a record and a backfill can tell of one user.
FILTERS_MAX: Final = 1000
CONDITIONS_MAX: Final = 100
# An event, or a user, has no more attributes that could match.
FILTER_ATTRIBUTES_MAX: Final = 100
