"""The commands about the game: its definitions, its events, and what operators change by hand."""

from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal

import typer

from ops.achievement import set_status
from ops.apply import Applied, apply_game
from ops.console import Json, Tenant, err, out, print_json, run
from ops.effects import lines_of
from ops.game_file import read_game
from ops.inputs import correct as correct_event
from ops.inputs import grant_of, put
from ops.settings import Settings
from ops.up import publish_file
from schemas.entries import Record
from schemas.topics import DEFAULT_TENANT

rules_app = typer.Typer()

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
    applied = run(
        apply_game(settings.connection(), settings.topics, game, tenant=tenant, dry_run=dry_run)
    )
    _print_applied(applied, as_json=as_json, dry_run=dry_run)


@rules_app.command()
def publish(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="NDJSON events, - for standard input.")],
    *,
    as_json: Json = False,
) -> None:
    """Publish events to Kafka; 1 when a line was refused."""
    settings: Settings = context.obj
    console = err if as_json else out
    published = run(publish_file(settings, file, console))
    if as_json:
        refused = [{"line": line, "reason": reason} for line, reason in published.refused]
        print_json({"accepted": published.accepted, "refused": refused})
    if published.refused:
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
    settings: Settings = context.obj
    record = run(
        correct_event(settings.connection(), settings.topics, event, _decimal(value), reason=reason)
    )
    _print_effects(record, as_json=as_json)


# A negative number of points is none of the options that the words before it may be.
@rules_app.command(context_settings={"ignore_unknown_options": True})
def grant(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The user's id.")],
    system: Annotated[str, typer.Argument(help="Key of the points system.")],
    points: Annotated[int, typer.Argument(help="How many; negative to deduct.")],
    *,
    reason: Reason,
    key: Annotated[str | None, typer.Option(help="Idempotency key: once, however often.")] = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: Json = False,
) -> None:
    """Grant points to a user, or deduct them; 1 when that is refused."""
    settings: Settings = context.obj
    told = grant_of(tenant, user, system, points, reason, key)
    record = run(put(settings.connection(), settings.topics, told))
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
    applied = run(set_status(settings.connection(), settings.topics, key, status, tenant=tenant))
    _print_applied(applied, as_json=as_json)


def _decimal(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"--value: {text!r} is no number") from None


def _print_applied(applied: Applied, *, as_json: bool, dry_run: bool = False) -> None:
    if as_json:
        print_json(asdict(applied))
        return
    for change in applied.changes:
        out.print(change, markup=False, highlight=False)
    version = f"ersion {applied.version}"
    if not applied.changes:
        out.print(f"Nothing changes: v{version} says the same.")
        return
    if dry_run:
        out.print(f"Would be v{version} of tenant {applied.tenant}.")
    else:
        out.print(f"V{version} of tenant {applied.tenant} is in force.")
    if applied.backfill:
        out.print(
            "It asks for the past: the workers visit every user once, and quietly complete what "
            "was reached before."
        )


def _print_effects(record: Record, *, as_json: bool) -> None:
    if as_json:
        told = {"event": record["id"], "outcome": record["outcome"]}
        first = {"first": record["first"]} if "first" in record else {}
        print_json({**told, **first, "entries": record["entries"]})
        return
    if record["outcome"] == "replayed":
        before = f" It was done before, as event {record['first']}." if "first" in record else ""
        out.print(f"Event {record['id']} changes nothing.{before}", highlight=False)
        return
    for line in lines_of(record):
        out.print(line, markup=False, highlight=False)
    out.print(f"Event {record['id']} is applied.", highlight=False)
