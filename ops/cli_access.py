"""The commands about who may come in and who is notified: keys of the gateway, webhooks.

What the commands about webhooks need is imported when they are run, as in `ops.cli`.
"""

# ruff: noqa: PLC0415  for the reason above

from dataclasses import asdict
from typing import Annotated

import typer

from gateway import keys as api_keys
from ops.console import Json, Tenant, print_json, print_rows, run, say
from ops.settings import Settings
from projections.database import connect
from schemas.topics import DEFAULT_TENANT

keys_app = typer.Typer(help="API keys of the gateway.", no_args_is_help=True)
webhooks_app = typer.Typer(help="Webhooks, which are notified of changes.", no_args_is_help=True)


@keys_app.command("create")
def create_key(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="What it is for.")] = "admin",
    tenant: Tenant = DEFAULT_TENANT,
    scope: Annotated[
        api_keys.Scope,
        typer.Option(help="admin: both APIs; application: the Application API of its own tenant."),
    ] = "admin",
    user: Annotated[
        str | None,
        typer.Option(
            help="The one user whom a key of the scope application is for: it may be given to "
            "that user's client."
        ),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Make a key; it is shown this once."""

    async def work() -> str:
        async with connect(context.obj.dsn()) as connection:
            return await api_keys.create(connection, name, tenant, scope, user)

    key = run(work())
    if as_json:
        print_json({"key": key, "prefix": key.partition(".")[0], "scope": scope, "user": user})
    else:
        say(key)


@keys_app.command("list")
def list_keys(context: typer.Context, *, as_json: Json = False) -> None:
    """List the keys by their prefixes."""

    async def work() -> list[api_keys.KeyRow]:
        async with connect(context.obj.dsn()) as connection:
            return await api_keys.listed(connection)

    print_rows([asdict(row) for row in run(work())], as_json=as_json)


@keys_app.command("revoke")
def revoke_key(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="As `xp keys list` shows it.")],
) -> None:
    """Revoke a key: from then on every gateway answers 401 to it."""

    async def work() -> bool:
        async with connect(context.obj.dsn()) as connection:
            return await api_keys.revoke(connection, prefix)

    if not run(work()):
        raise LookupError(f"there is no key {prefix!r}: `xp keys list` shows them")
    say(f"Revoked {prefix}.")


@webhooks_app.command("add")
def add_webhook(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where to post to.")],
    kind: Annotated[list[str] | None, typer.Option("--type", help="Types; default: all.")] = None,
    tenant: Tenant = DEFAULT_TENANT,
    *,
    as_json: Json = False,
) -> None:
    """Add a webhook; its secret is shown this once."""
    from notifier import endpoints
    from notifier.payloads import TYPES

    settings: Settings = context.obj
    added = run(
        endpoints.add(
            settings.dsn(),
            url,
            kind or TYPES,
            tenant,
            allow_private=settings.webhook_allow_private,
        )
    )
    if as_json:
        print_json(asdict(added))
    else:
        say(f"Webhook  {added.id}\nSecret   {added.secret}")


@webhooks_app.command("list")
def list_webhooks(
    context: typer.Context,
    webhook: Annotated[str | None, typer.Argument(help="List its deliveries instead.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """List the webhooks, or the latest deliveries of one."""
    from notifier import endpoints

    dsn = context.obj.dsn()
    if webhook is None:
        rows = [asdict(row) for row in run(endpoints.webhooks(dsn))]
    else:
        rows = [asdict(row) for row in run(endpoints.deliveries(dsn, webhook))]
    print_rows(rows, as_json=as_json)


@webhooks_app.command("retry")
def retry_webhook(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="Id of a webhook or of a delivery.")],
) -> None:
    """Send again what was given up, under the same ids."""
    from notifier import endpoints

    count = run(endpoints.retry(context.obj.dsn(), target))
    say(f"{count} deliveries are pending again.")


@webhooks_app.command("remove")
def remove_webhook(
    context: typer.Context, webhook: Annotated[str, typer.Argument(help="Its id.")]
) -> None:
    """Remove a webhook: nothing more is sent to it."""
    from notifier import endpoints

    run(endpoints.remove(context.obj.dsn(), webhook))
    say(f"Removed {webhook}.")
