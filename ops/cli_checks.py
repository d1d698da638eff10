"""Commands that look at an installation and put it right: topics, tables, settings, all of it."""

from dataclasses import asdict
from typing import Annotated

import typer

from broker.apply import raise_epoch
from broker.topics import check_topics, create_topics, partition_count
from ops.acls import acl_commands
from ops.client_config import Format, client_config
from ops.console import Json, print_json, run, say
from ops.settings import Settings
from projections.migrations import migrate as migrate_database

checks_app = typer.Typer()


@checks_app.command()
def topics(
    context: typer.Context,
    *,
    check: Annotated[bool, typer.Option(help="Only check; 1 when something does not fit.")] = False,
    acls: Annotated[
        bool, typer.Option("--acls", help="Only print the commands that let in who has to.")
    ] = False,
    raise_the_epoch: Annotated[
        bool, typer.Option("--raise-epoch", help="xp.events was recreated and begins anew.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Create the topics that are missing and check all of them."""
    settings: Settings = context.obj
    if acls:
        say("\n".join(acl_commands(settings.topics)))
        return
    connection = settings.connection()
    if raise_the_epoch:
        epoch = run(_raise_epoch(settings))
        say(f"Epoch {epoch} begins. Restart the workers and the gateways.")
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
            say(f"created {name}")
        for problem in found.problems:
            say(problem, style="red")
        if not found.problems:
            say(f"All topics fit; events and ledger have {found.partitions} partitions.")
    if found.problems:
        raise typer.Exit(1)


async def _raise_epoch(settings: Settings) -> int:
    connection, topics = settings.connection(), settings.topics
    # Whoever reads a topic that is not there waits for it.
    await partition_count(connection, topics.definitions)
    return await raise_epoch(connection, topics)


@checks_app.command()
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
    say("\n".join(f"{word} {name}" for name in names) or "Nothing to migrate.")


@checks_app.command()
def doctor(context: typer.Context, *, as_json: Json = False) -> None:
    """Say what is reachable, how far behind it is, what is wrong and how to mend it."""
    # Here, as in `ops.cli`: nothing else needs what it looks at.
    from ops.doctor import examine  # noqa: PLC0415  as said

    findings = run(examine(context.obj))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            word, style = ("ok", "green") if finding.ok else ("wrong", "red")
            say(f"{word:<6} {finding.what:<13} {finding.found}", style=style)
            if finding.mend:
                say(f"{'':<6} {'to mend':<13} {finding.mend}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@checks_app.command("client-config")
def show_client_config(
    context: typer.Context,
    form: Annotated[
        Format,
        typer.Option("--format", help="aiokafka, properties (Java and its tools) or kcat."),
    ] = "aiokafka",
) -> None:
    """Print how a producer or a consumer connects to Kafka, password included."""
    say(client_config(context.obj, form))


@checks_app.command("settings")
def show_settings(context: typer.Context) -> None:
    """Print the settings in force, secrets masked."""
    print_json(context.obj.shown())
