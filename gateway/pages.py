"""/openapi.json and a page for it that loads nothing from elsewhere."""

from importlib import resources
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from starlette.responses import HTMLResponse

from gateway.bodies import request_schemas
from gateway.errors import MEANINGS

STATIC: Final = "/docs/static"

# Nothing but what this server itself sends; the page starts itself by a script within it.
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'"
)

_ABOUT: Final = """\
Events in, verdicts out. Shapes and names are those of Trophy's published Application API, so that
its SDKs work against this server with another base URL; `occurredAt` and the header `XP-Verdict`
are additions.

Every answer other than 2xx is `{"error": "what to change"}`:

| status | meaning |
|---|---|
"""


def install(app: FastAPI) -> None:
    """Add the description of the app's operations, and the page that shows it."""
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    # The package brings Swagger UI's files along; only those are used of it.
    files = Path(str(resources.files("fastapi_offline"))) / "static"
    app.mount(STATIC, StaticFiles(directory=files), name="static")
    app.add_api_route("/docs", page, include_in_schema=False)


def openapi(app: FastAPI) -> dict[str, Any]:
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
        schema["components"]["schemas"] |= request_schemas()
        app.openapi_schema = schema
    return app.openapi_schema


async def page() -> HTMLResponse:
    """Return the page that shows /openapi.json."""
    html = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="xpledger",
        swagger_js_url=f"{STATIC}/swagger-ui-bundle.js",
        swagger_css_url=f"{STATIC}/swagger-ui.css",
        swagger_favicon_url=f"{STATIC}/favicon.png",
        # Without this the page asks a validator of its makers.
        swagger_ui_parameters={"validatorUrl": None},
    )
    return HTMLResponse(html.body, headers={"Content-Security-Policy": _POLICY})
