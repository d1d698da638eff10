"""/openapi.json: the description of all operations, made of their types."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from gateway.http.responses import MEANINGS

_ABOUT: Final = """\
Events in, verdicts out. Shapes and names are those of Trophy's published Application API, so that
its SDKs work against this server with another base URL; `occurredAt` and the header `XP-Verdict`
are additions.

Every answer other than 2xx is `{"error": "what to change"}`:

| status | meaning |
|---|---|
"""


def install(app: FastAPI, bodies: Mapping[str, Any]) -> None:
    """Add the description of the app's operations; `bodies` are the types of bodies by name."""
    app.openapi = lambda: openapi(app, bodies)  # type: ignore[method-assign]


def openapi(app: FastAPI, bodies: Mapping[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of the app; made once."""
    if app.openapi_schema is None:
        catalogue = "\n".join(f"| {status} | {text} |" for status, text in MEANINGS.items())
        schema = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version="3.1.0",
            description=f"{_ABOUT}{catalogue}\n",
            routes=app.routes,
        )
        # Bodies are read by hand, to tell what is wrong with them; so their schemas are added too.
        schema["components"]["schemas"] |= schemas_of(bodies)
        app.openapi_schema = schema
    return app.openapi_schema


def schemas_of(bodies: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Schemas of types, by name, and of what they consist of."""
    schemas: dict[str, Any] = {}
    for name, model in bodies.items():
        adapter: TypeAdapter[Any] = TypeAdapter(model)
        schema = adapter.json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
    return schemas
