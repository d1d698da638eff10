"""The commands about the game: its definitions, its events, and what operators change by hand."""

import re
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal

import typer
from msgspec import to_builtins

from ops.achievement import set_status
from ops.apply import Applied, apply_game
from ops.console import Json, Tenant, err, out, print_json, run, say
from ops.effects import lines_of
from ops.game_file import read_game
from ops.inputs import correct as correct_event
from ops.inputs import grant_of, put
from ops.publish import Published
from ops.publish_file import BadLinesError, Mode, publish_file
from ops.settings import Settings
from schemas.inputs.points import POINTS_MAX
from schemas.numbers import value_problem
from schemas.records import Record, event_id_of
from schemas.topics import DEFAULT_TENANT

rules_app = typer.Typer()


def _points(text: str) -> int:
    # So few digits that reading them takes no time, and more than any limit has.
    points = int(text) if re.fullmatch(r"[+-]?[0-9]{1,30}", text) else 0
    if not points or not -POINTS_MAX <= points <= POINTS_MAX:
        raise typer.BadParameter(
            f"points are an integer from {-POINTS_MAX:,} to {POINTS_MAX:,}, not 0 and not {text!r}"
        )
    return points


Reason = Annotated[str, typer.Option(help="Why, for those who read the ledger later.")]


@rules_app.command()
def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Definition file, YAML.")],
    *,
    dry_run: Annotated[bool, typer.Option(help="Only show what would change.")] = False,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Json = False,
) -> None:
    """Put a definition file in force."""
    settings: Settings = context.obj
    game = read_game(file)
    connection = settings.connection() if dry_run else settings.signing_connection()
    applied = run(apply_game(connection, settings.topics, game, tenant=tenant, dry_run=dry_run))
    _print_applied(applied, as_json=as_json, dry_run=dry_run)


@rules_app.command()
def publish(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="NDJSON events, - for standard input.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check every line; nothing is sent.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad lines out and send the others.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Publish events to Kafka: all of them, or none if a line is bad; 1 when one is."""
    settings: Settings = context.obj
    console = err if as_json else out
    mode: Mode = "dry" if dry_run else "skip" if skip_bad else "strict"
    try:
        published = run(publish_file(settings, file, console, mode=mode))
    except BadLinesError as error:
        if as_json:
            _print_published(error.found, sent=False)
        raise
    if as_json:
        _print_published(published, sent=not dry_run)
    if published.refused_count:
        raise typer.Exit(1)


@rules_app.command()
def correct(
    context: typer.Context,
    event: Annotated[str, typer.Argument(metavar="EVENT_ID", help="The event, as 0-3-1742.")],
    *,
    reason: Reason,
    value: Annotated[str | None, typer.Option(help="The value that it should have had.")] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="As if it had not been.")] = False,
    as_json: Json = False,
) -> None:
    """Have an earlier event count with another value, or not at all; 1 when that is refused."""
    if reverse == (value is not None):
        raise typer.BadParameter("say either --value or --reverse")
    wanted = _decimal(value)
    settings: Settings = context.obj
    record = run(
        correct_event(settings.signing_connection(), settings.topics, event, wanted, reason=reason)
    )
    _print_effects(record, as_json=as_json)


# A negative number of points is none of the options that the words before it may be.
@rules_app.command(context_settings={"ignore_unknown_options": True})
def grant(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The user's id.")],
    system: Annotated[str, typer.Argument(help="Key of the points system.")],
    points: Annotated[
        int,
        typer.Argument(help="How many; negative to deduct.", parser=_points, metavar="POINTS"),
    ],
    *,
    reason: Reason,
    key: Annotated[str | None, typer.Option(help="Idempotency key: once, however often.")] = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Json = False,
) -> None:
    """Grant points to a user, or deduct them; 1 when that is refused."""
    settings: Settings = context.obj
    grant = grant_of(tenant, user, system, points, reason, key)
    record = run(put(settings.signing_connection(), settings.topics, grant))
    _print_effects(record, as_json=as_json)


@rules_app.command()
def achievement(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="The achievement's key.")],
    *,
    status: Annotated[Literal["active", "locked"], typer.Option(help="What it becomes.")],
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Json = False,
) -> None:
    """Make an achievement active or locked, by a new version of the definitions."""
    settings: Settings = context.obj
    applied = run(
        set_status(settings.signing_connection(), settings.topics, key, status, tenant=tenant)
    )
    _print_applied(applied, as_json=as_json)


def _decimal(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"--value: {text!r} is no number") from None
    problem = value_problem(value)
    if problem is not None:
        raise typer.BadParameter(f"--value: {problem}")
    return value


def _print_published(published: Published, *, sent: bool) -> None:
    print_json(
        {
            "accepted": published.accepted,
            "sent": sent,
            "refusedCount": published.refused_count,
            "refused": [it._asdict() for it in published.refused],
        }
    )


def _print_applied(applied: Applied, *, as_json: bool, dry_run: bool = False) -> None:
    if as_json:
        print_json(asdict(applied))
        return
    for change in applied.changes:
        say(change)
    version = f"ersion {applied.version}"
    if not applied.changes:
        say(f"Nothing changes: v{version} says the same.")
        return
    if dry_run:
        say(f"Would be v{version} of tenant {applied.tenant}.")
    else:
        say(f"V{version} of tenant {applied.tenant} is in force.")
    if applied.backfill:
        say(
            "It asks for the past: the workers visit every user once, and quietly complete what "
            "was reached before."
        )


def _print_effects(record: Record, *, as_json: bool) -> None:
    event = event_id_of(record)
    if as_json:
        first = {"first": record.first} if record.first is not None else {}
        entries = to_builtins(record.entries)
        print_json({"event": event, "outcome": record.outcome, **first, "entries": entries})
        return
    if record.outcome == "replayed":
        before = f" It was done before, as event {record.first}." if record.first else ""
        say(f"Event {event} changes nothing.{before}")
        return
    for line in lines_of(record):
        say(line)
    say(f"Event {event} is applied.")
