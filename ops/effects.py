"""What a ledger record led to, in a line per effect, for a person at a terminal."""

from collections.abc import Iterator

from schemas.entries import Entry, Record


def lines_of(record: Record) -> list[str]:
    """Return a line for each effect of a record that a person may care about."""
    return [line for entry in record["entries"] for line in _line(entry)]


def _line(entry: Entry) -> Iterator[str]:
    match entry["kind"]:
        case "total":
            yield f"{entry['metric']} {_signed(entry['change'])}, now {entry['total']}"
        case "correction":
            yield f"event {entry['event']} counts {entry['after']}, not {entry['before']}"
        case "points":
            yield f"{entry['system']} {_signed(entry['awarded'])}, now {entry['total']}" + (
                f" ({entry['trigger']})" if entry["trigger"] is not None else ""
            )
        case "level":
            yield (
                f"level of {entry['system']}: {entry['before'] or 'none'} "
                f"-> {entry['after'] or 'none'}"
            )
        case "achievement":
            yield f"achievement {entry['achievement']} completed"
        case "streak":
            if not entry.get("quiet"):
                yield f"{entry['frequency']} streak {entry['change']}, length {entry['length']}"
        case "freezes":
            yield f"freezes +{entry['amount']}, now {entry['freezes']}"
        case _:
            # Bookkeeping: what falls due when, and what is told of elsewhere.
            pass


def _signed(change: str | int) -> str:
    text = str(change)
    return text if text.startswith("-") else f"+{text}"
