"""The command `xp`. Each command is a few lines: the work is done in the rooms and in `ops`.

What only one command needs is imported when it is run: a worker that starts again must not wait for
what starts an embedded Kafka.
"""

# ruff: noqa: PLC0415  for the reason above

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ops import VERSION, parts
from ops.cli_access import keys_app, webhooks_app
from ops.cli_checks import checks_app
from ops.cli_rules import rules_app
from ops.console import Tenant, err, out, run, say, settings_of
from ops.errors import EXPECTED, leaves_of, sentence_of
from ops.logs import set_up_logs
from ops.rooms import check_rooms
from ops.settings import Settings
from ops.settings_in_force import read_settings
from schemas.topics import DEFAULT_TENANT

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
app.add_typer(checks_app)


def _show_version(wanted: bool) -> None:  # noqa: FBT001  typer calls it so
    if wanted:
        say(f"xp {VERSION}")
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
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad lines of --publish out.")
    ] = False,
    exit_when_idle: Annotated[
        bool, typer.Option(help="End with 0 once every published event is in Postgres.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="The gateway's port.")] = None,
) -> None:
    """Run all parts, with an embedded Kafka and Postgres unless others are named."""
    from ops.up import Job, up

    settings = settings_of(context, port=port)
    if context.obj.log_level == "info":
        # The parts log to files; what is printed here is for the person who started them.
        set_up_logs(settings.log_format, "warning")
    job = Job(game, publish, tenant, exit_when_idle, skip_bad)
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
    from projections.rebuild import rebuild

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
    say("The rebuilt read models are live.")


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


@app.command("tops")
def show_tops(
    context: typer.Context,
    tenant: Tenant = DEFAULT_TENANT,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many users.")] = 10,
) -> None:
    """Print the users with the most points."""
    from ops.tables import print_tops

    run(print_tops(context.obj, tenant, out, limit))


def _exit_with(*said: str, code: int = 1) -> NoReturn:
    for sentence in said:
        say(f"xp: {sentence}", err, style="red")
    raise SystemExit(code)


def _usage(error: typer.TyperException) -> str:
    # Of a command's own message, and not the box that typer would draw: it is cut into lines.
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "xp"
    said = error.format_message().replace("Value error, ", "")
    return f"{said} (`{command} -h` shows what it takes)"


def main(arguments: list[str] | None = None) -> None:
    """Run `xp`: 0 when all went well, 1 when something is wrong, 2 for a command that is none."""
    check_rooms()
    words = sys.argv[1:] if arguments is None else arguments
    for word in words:
        if not word.isprintable() and _is_no_text(word):
            _exit_with(f"{word!r} is not UTF-8 text", code=2)
    try:
        code = app(words, prog_name="xp", standalone_mode=False)
    except typer.TyperException as error:
        # Without a message the help was asked for, and is printed already.
        _exit_with(*([_usage(error)] if error.format_message() else []), code=error.exit_code)
    except EXPECTED as error:
        _exit_with(sentence_of(error))
    except ExceptionGroup as group:
        expected, unexpected = group.split(EXPECTED)
        if expected is None or unexpected is not None:
            raise
        _exit_with(*map(sentence_of, leaves_of(expected)))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    # What a command ends with by itself comes back as a number; one that is through returns None.
    if code:
        raise SystemExit(code)


def _is_no_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return True
    return False
