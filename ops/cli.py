"""The command `xp`. Each command is a few lines: the work is done in the rooms and in `ops`."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from aiokafka.errors import KafkaError
from rich.table import Table

from broker.apply import OvertakenError, raise_epoch
from broker.topics import TopicsUnfitError, check_topics, create_topics
from ops import VERSION, parts
from ops.cli_access import keys_app, webhooks_app
from ops.cli_rules import rules_app
from ops.console import Json, Tenant, err, out, print_json, run, settings_of
from ops.doctor import examine
from ops.embedded.process import StackError
from ops.game_file import GameFileError
from ops.inputs import UnjudgedError
from ops.logs import set_up_logs
from ops.rooms import check_rooms
from ops.settings import Settings, SettingsError, read_settings
from ops.tables import print_tops
from ops.up import Job, PartDiedError, up
from processor.lane import SourceLostError, WriterLostError
from processor.store import StoreBusyError
from projections.database import DatabaseError
from projections.migrations import migrate as migrate_database
from projections.rebuild import rebuild
from schemas.topics import DEFAULT_TENANT

# What a person can mend: told in one line, without a traceback.
EXPECTED = (
    SettingsError,
    GameFileError,
    OvertakenError,
    StackError,
    PartDiedError,
    SourceLostError,
    WriterLostError,
    StoreBusyError,
    TopicsUnfitError,
    UnjudgedError,
    DatabaseError,
    KafkaError,
    LookupError,
    ValueError,
    OSError,
)

# All parts one after the other, then the broker and the database.
UP_PATIENCE_S = 90.0

app = typer.Typer(
    name="xp",
    help="xpledger: an event-sourced gamification engine that you run yourself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(keys_app, name="keys")
app.add_typer(webhooks_app, name="webhooks")
app.add_typer(rules_app)


def _show_version(wanted: bool) -> None:  # noqa: FBT001  typer calls it so
    if wanted:
        out.print(f"xp {VERSION}", highlight=False)
        raise typer.Exit


@app.callback()
def settings_in_force(
    context: typer.Context,
    *,
    config: Annotated[Path | None, typer.Option(help="Settings file, TOML.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where data is kept.")] = None,
    kafka: Annotated[str | None, typer.Option(help="host:port of a Kafka of yours.")] = None,
    postgres: Annotated[str | None, typer.Option(help="DSN of a Postgres of yours.")] = None,
    topic_prefix: Annotated[str | None, typer.Option(help="Prefix of every topic.")] = None,
    log_format: Annotated[str | None, typer.Option(help="console or json.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="And exit.")
    ] = False,
) -> None:
    """Every setting may also be a variable (XP_DATA_DIR) or a line of the settings file."""
    flags = {
        "data_dir": data_dir,
        "kafka": kafka,
        "postgres": postgres,
        "topic_prefix": topic_prefix,
        "log_format": log_format,
        "log_level": log_level,
    }
    settings = read_settings(config, flags)
    set_up_logs(settings.log_format, settings.log_level)
    context.obj = settings


@app.command("up")
def up_command(
    context: typer.Context,
    *,
    game: Annotated[Path | None, typer.Option(help="Definitions to apply first.")] = None,
    publish: Annotated[Path | None, typer.Option(help="NDJSON events to publish.")] = None,
    tenant: Tenant = DEFAULT_TENANT,
    exit_when_idle: Annotated[
        bool, typer.Option(help="End with 0 once every published event is in Postgres.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="The gateway's port.")] = None,
) -> None:
    """Run all parts, with an embedded Kafka and Postgres unless others are named."""
    settings = settings_of(context, port=port)
    if context.obj.log_level == "info":
        # The parts log to files; what is printed here is for the person who started them.
        set_up_logs(settings.log_format, "warning")
    job = Job(game, publish, tenant, exit_when_idle)
    run(parts.until_told(up(settings, job, out), UP_PATIENCE_S))


@app.command()
def worker(context: typer.Context) -> None:
    """Judge events: xp.events to xp.ledger, and from there to the award topics."""
    parts.run(parts.run_worker, context.obj)


@app.command()
def project(
    context: typer.Context,
    *,
    rebuild_read: Annotated[
        bool, typer.Option("--rebuild", help="Build the read models anew beside the live ones.")
    ] = False,
) -> None:
    """Keep the read models in Postgres, or rebuild them from record zero."""
    if not rebuild_read:
        parts.run(parts.run_projector, context.obj)
        return
    settings: Settings = context.obj
    parts.collect_rarely()
    with out.status("Rebuilding the read models beside the live ones …") as status:
        run(
            rebuild(
                settings.dsn(),
                settings.connection(),
                settings.topics,
                progress=lambda at: status.update(
                    f"Rebuilding: {at.read:,} records read, {at.lag:,} to go"
                ),
            )
        )
    out.print("The rebuilt read models are live.")


@app.command()
def serve(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
) -> None:
    """Answer over HTTP."""
    parts.run(parts.run_gateway, settings_of(context, port=port, host=host))


@app.command()
def notify(context: typer.Context) -> None:
    """Tell webhooks."""
    parts.run(parts.run_notifier, context.obj)


@app.command()
def topics(
    context: typer.Context,
    *,
    check: Annotated[bool, typer.Option(help="Only check; 1 when something does not fit.")] = False,
    raise_the_epoch: Annotated[
        bool, typer.Option("--raise-epoch", help="xp.events was recreated and begins anew.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Create the topics that are missing and check all of them."""
    settings: Settings = context.obj
    connection = settings.connection()
    if raise_the_epoch:
        epoch = run(raise_epoch(connection, settings.topics))
        out.print(f"Epoch {epoch} begins. Restart the workers and the gateways.")
        return
    created: list[str] = []
    if not check:
        created = run(
            create_topics(connection, settings.topics, settings.partitions, settings.replication)
        )
    found = run(check_topics(connection, settings.topics))
    if as_json:
        print_json({"created": created, **asdict(found)})
    else:
        for name in created:
            out.print(f"created {name}", highlight=False)
        for problem in found.problems:
            out.print(problem, style="red", markup=False)
        if not found.problems:
            out.print(f"All topics fit; events and ledger have {found.partitions} partitions.")
    if found.problems:
        raise typer.Exit(1)


@app.command()
def migrate(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option(help="Only list what is pending.")] = False,
    as_json: Json = False,
) -> None:
    """Bring the tables in Postgres up to this version."""
    names = run(migrate_database(context.obj.dsn(), dry_run=dry_run))
    if as_json:
        print_json(names)
        return
    word = "pending" if dry_run else "applied"
    out.print("\n".join(f"{word} {name}" for name in names) or "Nothing to migrate.")


@app.command()
def doctor(context: typer.Context, *, as_json: Json = False) -> None:
    """Say what is reachable, how far behind it is, what is wrong and how to mend it."""
    findings = run(examine(context.obj))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for finding in findings:
            mark = "[green]ok[/green]" if finding.ok else "[red]wrong[/red]"
            table.add_row(mark, finding.what, finding.found, finding.mend)
        out.print(table)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command("settings")
def showsettings_of(context: typer.Context) -> None:
    """Print the settings in force, secrets masked."""
    print_json(context.obj.shown())


@app.command("tops")
def show_tops(
    context: typer.Context,
    tenant: Tenant = DEFAULT_TENANT,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many users.")] = 10,
) -> None:
    """Print the users with the most points."""
    run(print_tops(context.obj, tenant, out, limit))


def _tell(*errors: BaseException) -> NoReturn:
    for error in errors:
        err.print(f"xp: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(1)


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def main(arguments: list[str] | None = None) -> None:
    """Run `xp`: 0 when all went well, 1 when something is wrong, 2 for a command that is none."""
    check_rooms()
    try:
        app(arguments, prog_name="xp")
    except EXPECTED as error:
        _tell(error)
    except ExceptionGroup as group:
        expected, unexpected = group.split(EXPECTED)
        if expected is None or unexpected is not None:
            raise
        _tell(*_leaves(expected))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
