"""/openapi.json against the published contract, whose facts are typed in here by hand."""

import httpx
import pytest

from broker.connection import Connection
from gateway.server import GatewayConfig, build_server

# Operation -> status codes of the contract, and the schema of its success.
OPERATIONS = {
    ("/v1/metrics/{key}/event", "post"): ("metrics_event", {201, 400, 401, 422}, "EventResponse"),
    ("/v1/users/{id}", "get"): ("users_get", {200, 400, 401, 422}, "User"),
    ("/v1/users/{id}/metrics", "get"): (
        "users_all_metrics",
        {200, 401, 404, 422},
        ["MetricResponse"],
    ),
    ("/v1/users/{id}/metrics/{key}", "get"): (
        "users_single_metric",
        {200, 401, 404, 422},
        "MetricResponse",
    ),
    ("/v1/users/{id}/achievements", "get"): (
        "users_achievements",
        {200, 401, 404, 422},
        ["UserAchievementWithStatsResponse"],
    ),
    ("/v1/users/{id}/streak", "get"): ("users_streak", {200, 401, 404, 422}, "StreakResponse"),
    ("/v1/users/{id}/points/{key}", "get"): (
        "users_points",
        {200, 401, 404, 422},
        "GetUserPointsResponse",
    ),
}

# Schema -> required fields, optional fields. A question mark ends the name of one that may be null.
_STREAK = "length frequency started? periodStart? periodEnd? expires?"
_FREEZES = "freezes maxFreezes freezeAutoEarnInterval freezeAutoEarnAmount"
_SYSTEM = "id key name description? badgeUrl? maxPoints?"
_ACHIEVEMENT = "id name trigger description? badgeUrl? userAttributes"
_ACHIEVEMENT_MORE = (
    "key streakLength achievementIds metricId metricValue metricName eventAttribute eventAttributes"
)
_TRIGGER_MORE = (
    "achievementId metricId metricName metricThreshold streakLengthThreshold achievementName "
    "timeUnit timeInterval eventAttribute eventAttributes"
)
SCHEMAS = {
    "ErrorBody": ("error", ""),
    "EventRequest": ("user value", "attributes occurredAt"),
    "UpsertedUser": ("id", "email name tz? deviceTokens? subscribeToEmails attributes"),
    "User": (
        "id email? name? tz? subscribeToEmails attributes control created updated",
        "deviceTokens?",
    ),
    "EventResponse": (
        "eventId metricId total achievements currentStreak points leaderboards",
        "idempotencyKey idempotentReplayed",
    ),
    "MetricEventStreakResponse": (f"{_STREAK} extended", _FREEZES),
    "StreakResponse": (f"{_STREAK} extended? streakHistory pauses", _FREEZES),
    "StreakPeriod": ("periodStart periodEnd length usedPause", "usedFreeze"),
    "MetricResponse": ("id key name current achievements", ""),
    "UserAchievementResponse": (f"{_ACHIEVEMENT} achievedAt?", _ACHIEVEMENT_MORE),
    "UserAchievementWithStatsResponse": (
        f"{_ACHIEVEMENT} achievedAt? completions rarity",
        _ACHIEVEMENT_MORE,
    ),
    "GetUserPointsResponse": (f"{_SYSTEM} total level? awards", ""),
    "MetricEventPointsResponse": (f"{_SYSTEM} total added awards", "level?"),
    "PointsLevel": ("id key name description badgeUrl? points", ""),
    "PointsAward": ("", "id awarded date total trigger boosts"),
    "PointsBoost": ("id name status start end? multiplier rounding", ""),
    "PointsTrigger": (
        "id type points status userAttributes created updated",
        _TRIGGER_MORE,
    ),
}


@pytest.fixture(scope="module")
def app():
    return build_server(GatewayConfig(Connection("127.0.0.1:1"), "postgresql://x@127.0.0.1:1/x"))


def test_the_operations_are_those_of_the_contract(app):
    schema = app.openapi()
    assert schema["openapi"].startswith("3.1")
    served = {
        (path, method)
        for path, methods in schema["paths"].items()
        for method in methods
        if path.startswith("/v1")
    }
    assert served == set(OPERATIONS)
    for (path, method), (operation_id, statuses, success) in OPERATIONS.items():
        operation = schema["paths"][path][method]
        assert operation["operationId"] == operation_id
        assert operation["summary"]
        assert statuses <= {int(status) for status in operation["responses"]}
        assert operation["security"] == [{"ApiKeyAuth": []}]
        first = operation["responses"][str(min(statuses))]
        shape = first["content"]["application/json"]["schema"]
        name = success if isinstance(success, str) else success[0]
        if name is not success:
            assert shape["type"] == "array"
            shape = shape["items"]
        assert shape == {"$ref": f"#/components/schemas/{name}"}
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                error = response["content"]["application/json"]["schema"]
                assert error == {"$ref": "#/components/schemas/ErrorBody"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_has_the_fields_of_the_contract(app, name):
    schema = app.openapi()["components"]["schemas"][name]
    required, optional = (set(fields.split()) for fields in SCHEMAS[name])
    found_required: set[str] = set()
    found_optional: set[str] = set()
    for field, shape in schema["properties"].items():
        nullable = {"type": "null"} in shape.get("anyOf", ())
        named = f"{field}?" if nullable else field
        (found_required if field in schema.get("required", ()) else found_optional).add(named)
    assert found_required == required
    assert found_optional == optional


def test_the_parameters_are_those_of_the_contract(app):
    paths = app.openapi()["paths"]

    def parameters(path, method="get"):
        return {(it["name"], it["in"]): it for it in paths[path][method]["parameters"]}

    event = parameters("/v1/metrics/{key}/event", "post")
    assert set(event) == {
        ("key", "path"),
        ("Idempotency-Key", "header"),
        ("Tenant-ID", "header"),
    }
    streak = parameters("/v1/users/{id}/streak")[("historyPeriods", "query")]["schema"]
    assert (streak["type"], streak["default"]) == ("integer", 7)
    awards = parameters("/v1/users/{id}/points/{key}")[("awards", "query")]["schema"]
    assert (awards["minimum"], awards["maximum"], awards["default"]) == (1, 100, 10)
    incomplete = parameters("/v1/users/{id}/achievements")[("includeIncomplete", "query")]
    assert incomplete["required"] is False
    assert incomplete["schema"]["enum"] == ["true"]


async def test_the_page_loads_nothing_from_elsewhere(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        page = (await client.get("/docs")).text
        assert "http" not in page.replace("http://gateway", "")
        for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
            assert f"/docs/static/{name}" in page
            assert (await client.get(f"/docs/static/{name}")).status_code == 200
        assert (await client.get("/openapi.json")).json() == app.openapi()
