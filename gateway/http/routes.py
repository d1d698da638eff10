"""What is known of a route: its template, and the methods that its path has."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.routing import BaseRoute, Route
from starlette.types import Scope


def template(scope: Scope) -> str | None:
    """Return the path of the route that a request came to, as it was declared; None for none."""
    route: Any = scope.get("route")
    return getattr(route, "path_format", None) or getattr(route, "path", None)


def methods_by_template(routes: Iterable[BaseRoute]) -> Mapping[str, frozenset[str]]:
    """Return the methods of each path: each of them is a route of its own."""
    found: dict[str, frozenset[str]] = {}
    for route in routes:
        if isinstance(route, Route):
            path = route.path_format
            found[path] = found.get(path, frozenset()) | frozenset(route.methods or ())
    return found
