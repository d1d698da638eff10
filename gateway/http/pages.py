"""A page for /openapi.json that loads nothing from elsewhere."""

from importlib import resources
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.responses import HTMLResponse

STATIC: Final = "/docs/static"

# Nothing but what this server itself sends; the page starts itself by a script within it.
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'"
)


def install(app: FastAPI) -> None:
    """Add the page and its files."""
    # The package brings Swagger UI's files along; only those are used of it.
    files = Path(str(resources.files("fastapi_offline"))) / "static"
    app.mount(STATIC, StaticFiles(directory=files), name="static")
    app.add_api_route("/docs", page, include_in_schema=False)


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
