"""/openapi.json against the published contract, whose facts are typed in here by hand."""

import httpx
import pytest

from broker.connection import Connection
from gateway.server import GatewayConfig, build_server

# Operation -> status codes of the contract, and the schema of its success.
READ = {200, 401, 404, 422}
OPERATIONS = {
    ("/v1/achievements", "get"): (
        "achievements_all",
        {200, 401, 422},
        ["AchievementWithStatsResponse"],
    ),
    ("/v1/achievements/{key}/complete", "post"): (
        "achievements_complete",
        {201, 401, 404, 422},
        "AchievementCompletionResponse",
    ),
    ("/v1/metrics/{key}/event", "post"): ("metrics_event", {201, 400, 401, 422}, "EventResponse"),
    ("/v1/users", "post"): ("users_create", {201, 400, 401, 422}, "User"),
    ("/v1/users/{id}", "get"): ("users_get", {200, 400, 401, 422}, "User"),
    ("/v1/users/{id}", "put"): ("users_identify", {200, 400, 401, 422}, "User"),
    ("/v1/users/{id}", "patch"): ("users_update", {200, 400, 401, 404, 422}, "User"),
    ("/v1/users/{id}/preferences", "get"): (
        "users_get_preferences",
        READ,
        "UserPreferencesResponse",
    ),
    ("/v1/users/{id}/preferences", "patch"): (
        "users_update_preferences",
        {200, 401, 403, 404, 422},
        "UserPreferencesResponse",
    ),
    ("/v1/users/{id}/metrics", "get"): ("users_all_metrics", READ, ["MetricResponse"]),
    ("/v1/users/{id}/metrics/{key}", "get"): ("users_single_metric", READ, "MetricResponse"),
    ("/v1/users/{id}/metrics/{key}/event-summary", "get"): (
        "users_metric_event_summary",
        READ,
        ["EventSummary"],
    ),
    ("/v1/users/{id}/achievements", "get"): (
        "users_achievements",
        READ,
        ["UserAchievementWithStatsResponse"],
    ),
    ("/v1/users/{id}/streak", "get"): ("users_streak", READ, "StreakResponse"),
    ("/v1/streaks", "get"): ("streaks_list", {200, 401, 422}, ["BulkStreak"]),
    ("/v1/users/{id}/points/{key}", "get"): ("users_points", READ, "GetUserPointsResponse"),
    ("/v1/users/{id}/points/{key}/boosts", "get"): ("users_points_boosts", READ, ["PointsBoost"]),
    ("/v1/users/{id}/points/{key}/event-summary", "get"): (
        "users_points_event_summary",
        READ,
        ["EventSummary"],
    ),
    ("/v1/points/{key}/summary", "get"): ("points_summary", READ, ["PointsRange"]),
    ("/v1/points/{key}", "get"): ("points_system", {200, 401, 404}, "PointsSystemResponse"),
    ("/v1/points/{key}/boosts", "get"): ("points_boosts", {200, 401, 404}, ["PointsBoost"]),
    ("/v1/points/{key}/levels", "get"): ("points_levels", {200, 401, 404}, ["PointsLevel"]),
    ("/v1/points/{key}/level-summary", "get"): (
        "points_level_summary",
        READ,
        ["PointsLevelUsers"],
    ),
}
# Operation -> schema of the body.
BODIES = {
    ("/v1/achievements/{key}/complete", "post"): "CompletionRequest",
    ("/v1/metrics/{key}/event", "post"): "EventRequest",
    ("/v1/users", "post"): "UpsertedUser",
    ("/v1/users/{id}", "put"): "UpdatedUser",
    ("/v1/users/{id}", "patch"): "UpdatedUser",
    ("/v1/users/{id}/preferences", "patch"): "UpdateUserPreferencesRequest",
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
    "CompletionRequest": ("user", ""),
    "UpsertedUser": ("id", "email name tz? deviceTokens? subscribeToEmails attributes"),
    "UpdatedUser": ("", "email name tz? deviceTokens? subscribeToEmails attributes"),
    "UpdateUserPreferencesRequest": ("", "notifications streak"),
    "UserPreferencesResponse": ("notifications", "streak"),
    "NotificationPreferences": (
        "",
        "achievement_completed recap reactivation streak_reminder",
    ),
    "StreakPreferences": ("", "enabled evaluationMode metrics"),
    "StreakMetricPreference": ("key threshold", ""),
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
    "StreakPause": ("id start end", ""),
    "BulkStreak": ("userId streakLength extended?", ""),
    "EventSummary": ("date total change", ""),
    "MetricResponse": ("id key name current achievements", ""),
    "UserAchievementResponse": (f"{_ACHIEVEMENT} achievedAt?", _ACHIEVEMENT_MORE),
    "UserAchievementWithStatsResponse": (
        f"{_ACHIEVEMENT} achievedAt? completions rarity",
        _ACHIEVEMENT_MORE,
    ),
    "AchievementWithStatsResponse": (f"{_ACHIEVEMENT} completions rarity", _ACHIEVEMENT_MORE),
    "AchievementCompletionResponse": ("completionId achievement points", ""),
    "PointsSystemResponse": ("id name description? badgeUrl? maxPoints? triggers", ""),
    "PointsRange": ("from to users", ""),
    "PointsLevelUsers": ("level users", ""),
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


def test_a_body_has_the_schema_of_the_contract(app):
    paths = app.openapi()["paths"]
    described = {}
    for path, methods in paths.items():
        for method, operation in methods.items():
            if "requestBody" in operation and (path, method) in OPERATIONS:
                assert operation["requestBody"]["required"] is True
                shape = operation["requestBody"]["content"]["application/json"]["schema"]
                described[path, method] = shape["$ref"].removeprefix("#/components/schemas/")
    assert described == BODIES


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
    tenant = event["Tenant-ID", "header"]["schema"]
    assert (tenant["pattern"], tenant["maxLength"]) == ("^[a-zA-Z0-9_-]+$", 255)
    streak = parameters("/v1/users/{id}/streak")[("historyPeriods", "query")]["schema"]
    assert (streak["type"], streak["default"]) == ("integer", 7)
    awards = parameters("/v1/users/{id}/points/{key}")[("awards", "query")]["schema"]
    assert (awards["minimum"], awards["maximum"], awards["default"]) == (1, 100, 10)
    for kind in ("metrics", "points"):
        summary = parameters(f"/v1/users/{{id}}/{kind}/{{key}}/event-summary")
        aggregation = summary["aggregation", "query"]
        assert aggregation["required"] is True
        assert aggregation["schema"]["enum"] == ["daily", "weekly", "monthly"]
        for name in ("startDate", "endDate"):
            assert summary[name, "query"]["required"] is True
            assert summary[name, "query"]["schema"]["format"] == "date"
    users = parameters("/v1/streaks")["userIds", "query"]
    assert (users["required"], users["schema"]["type"]) == (True, "array")
    finished = parameters("/v1/points/{key}/boosts")["includeFinished", "query"]
    assert (finished["schema"]["type"], finished["schema"]["default"]) == ("boolean", False)
    for path in ("/v1/achievements", "/v1/points/{key}/summary"):
        assert parameters(path)["userAttributes", "query"]["required"] is False
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
