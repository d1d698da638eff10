"""What inputs of a whole partition mean: markers of versions, boosts of everyone, holds. No I/O."""

from collections.abc import Collection
from typing import assert_never

from broker.partitions import partition_of
from processor.messages import LaneContext, MissingVersionError, UnusableVersionError
from processor.partition_meta import boost_path
from processor.partition_state import PartitionState
from processor.recorded import recorded_of_partition
from processor.rules.compiling import EMPTY
from processor.rules.ruleset import BoostRule, Ruleset
from schemas.entries import (
    BackfilledEntry,
    BoostEntry,
    DefinitionsEntry,
    HoldEntry,
    PartitionEntry,
)
from schemas.inputs import Backfilled, BoostDue, DefinitionsMarker, Hold, PartitionInput
from schemas.instants import read_instant
from schemas.records import Record
from schemas.text import BoostKey, Reason, SystemKey, TenantKey


def judge_partition(
    context: LaneContext,
    state: PartitionState,
    record: Record,
    given: PartitionInput,
    absent: Collection[tuple[TenantKey, int]],
) -> Reason | None:
    """Complete the record on an input of a whole partition; return why it is dead, else None.

    Raises MissingVersionError for a version that has to be read first.
    """
    tenant, version = given.tenant, record.definitions
    record.input = recorded_of_partition(given)
    if isinstance(given, DefinitionsMarker):
        if (tenant, given.version) in absent:
            return f"tenant {tenant!r} has no version {given.version}"
        if given.version > version:
            # Nothing is judged by a version before it is here, and none that cannot be judged by
            # comes into force.
            try:
                ruleset_of(context, tenant, given.version)
            except UnusableVersionError as error:
                return f"version {given.version} of tenant {tenant!r} cannot be used: {error}"
    if isinstance(given, BoostDue) and not _is_here(context, tenant):
        record.outcome = "forwarded"
        return None
    entry = _entry(context, state, given, version)
    if entry is None:
        record.outcome = "replayed"
        return None
    record.entries = [entry]
    if isinstance(given, DefinitionsMarker):
        record.definitions = given.version
    return None


def _is_here(context: LaneContext, tenant: TenantKey) -> bool:
    return partition_of(tenant.encode(), context.partitions) == context.partition


def ruleset_of(context: LaneContext, tenant: TenantKey, version: int) -> Ruleset:
    """Return the rules of a version. Raises MissingVersionError, UnusableVersionError."""
    if version == 0:
        return EMPTY
    rules = context.ruleset(tenant, version)
    if rules is None:
        raise MissingVersionError(tenant, version)
    return rules


def _entry(
    context: LaneContext, state: PartitionState, given: PartitionInput, version: int
) -> PartitionEntry | None:
    """Return what an input does to the partition, None for what has been done already."""
    match given:
        case DefinitionsMarker():
            return DefinitionsEntry(given.version) if given.version > version else None
        case Backfilled():
            done = state.backfilled.get(given.tenant, 0)
            return BackfilledEntry(given.version) if given.version > done else None
        case BoostDue():
            if _is_news(state, given, ruleset_of(context, given.tenant, version)):
                return BoostEntry(given.system, given.boost, given.change)
            return None
        case Hold():
            return HoldEntry(given.on)
        case _:
            assert_never(given)


def _is_news(state: PartitionState, given: BoostDue, rules: Ruleset) -> bool:
    """Tell whether a boost of everyone is in force, and this was not recorded of it already.

    Its end is news only after its beginning, and that again only once it is moved to later dates.
    """
    if boost_of_everyone(rules, given.system, given.boost) is None:
        return False
    known = state.boosts.get(given.tenant, {}).get(boost_path(given.system, given.boost))
    if known is None:
        return given.change == "started"
    if given.change == known.change:
        return False
    return given.change == "finished" or read_instant(given.at) > known.at


def boost_of_everyone(rules: Ruleset, system: SystemKey, boost: BoostKey) -> BoostRule | None:
    """Return a boost that is not of a single user, None if the rules have none of these keys."""
    for rule in rules.systems:
        if rule.key == system:
            for found in rule.boosts:
                if found.key == boost and found.user is None:
                    return found
    return None
