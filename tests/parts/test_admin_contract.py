"""The Admin API in /openapi.json against the published contract, the facts typed in by hand."""

from pathlib import Path

import pytest

from broker.connection import Connection
from gateway.server import GatewayConfig, build_server

ROOT = Path(__file__).resolve().parents[2]

# Operation -> its id, the statuses of the contract, and the schema of its first success.
SYSTEM = "/admin/v1/points/{systemId}"
OPERATIONS = {
    (f"{SYSTEM}/boosts", "get"): (
        "admin_points_boosts_list",
        {200, 401, 404, 422},
        ["AdminPointsBoost"],
    ),
    (f"{SYSTEM}/boosts", "post"): (
        "admin_points_boosts_create",
        {200, 201, 401, 404, 422},
        "CreatePointsBoostsResponse",
    ),
    (f"{SYSTEM}/boosts", "patch"): (
        "admin_points_boosts_update",
        {200, 401, 404, 422},
        "PatchPointsBoostsResponse",
    ),
    (f"{SYSTEM}/boosts", "delete"): (
        "admin_points_boosts_delete",
        {200, 401, 404, 422},
        "DeletePointsBoostsResponse",
    ),
    (f"{SYSTEM}/boosts/{{id}}", "get"): (
        "admin_points_boosts_get",
        {200, 401, 404, 422},
        "AdminPointsBoost",
    ),
    (f"{SYSTEM}/triggers", "get"): (
        "admin_points_triggers_list",
        {200, 401, 404, 422},
        ["AdminPointsTrigger"],
    ),
    (f"{SYSTEM}/triggers", "post"): (
        "admin_points_triggers_create",
        {200, 201, 401, 404, 422},
        "CreatePointsTriggersResponse",
    ),
    (f"{SYSTEM}/triggers", "patch"): (
        "admin_points_triggers_update",
        {200, 401, 404, 422},
        "PatchPointsTriggersResponse",
    ),
    (f"{SYSTEM}/triggers", "delete"): (
        "admin_points_triggers_delete",
        {200, 401, 404, 422},
        "DeletePointsTriggersResponse",
    ),
    (f"{SYSTEM}/triggers/{{id}}", "get"): (
        "admin_points_triggers_get",
        {200, 401, 404, 422},
        "AdminPointsTrigger",
    ),
    (f"{SYSTEM}/levels", "get"): (
        "admin_points_levels_list",
        {200, 401, 404, 422},
        ["AdminPointsLevel"],
    ),
    (f"{SYSTEM}/levels", "post"): (
        "admin_points_levels_create",
        {200, 201, 401, 404, 422},
        "CreatePointsLevelsResponse",
    ),
    (f"{SYSTEM}/levels", "patch"): (
        "admin_points_levels_update",
        {200, 401, 404, 422},
        "PatchPointsLevelsResponse",
    ),
    (f"{SYSTEM}/levels", "delete"): (
        "admin_points_levels_delete",
        {200, 401, 404, 422},
        "DeletePointsLevelsResponse",
    ),
    (f"{SYSTEM}/levels/{{id}}", "get"): (
        "admin_points_levels_get",
        {200, 401, 404, 422},
        "AdminPointsLevel",
    ),
    ("/admin/v1/streaks/freezes", "post"): (
        "admin_streaks_freezes_create",
        {200, 201, 400, 401, 422},
        "CreateStreakFreezesResponse",
    ),
    ("/admin/v1/streaks/pauses", "post"): (
        "admin_streaks_pauses_create",
        {200, 201, 401, 422},
        "CreateStreakPausesResponse",
    ),
    ("/admin/v1/streaks/pauses", "delete"): (
        "admin_streaks_pauses_delete",
        {200, 401, 422},
        "DeleteStreakPausesResponse",
    ),
    ("/admin/v1/streaks/restore", "post"): (
        "admin_streaks_restore",
        {200, 201, 400, 401, 422},
        "RestoreStreaksResponse",
    ),
    # The older shape, of which the text of the semantics tells.
    ("/admin/v1/points/boosts", "post"): (
        "admin_points_boosts_create_old",
        {200, 201, 400, 401, 404, 422},
        "CreatePointsBoostsResponse",
    ),
    ("/admin/v1/points/boosts", "delete"): (
        "admin_points_boosts_delete_old",
        {200, 401, 422},
        "DeletePointsBoostsResponse",
    ),
}
ADDITIONS = {
    ("/admin/v1/events/{id}/correction", "post"): ("admin_events_correct", {201, 404, 422}),
    ("/admin/v1/users/{id}/points/{key}/adjustments", "post"): (
        "admin_users_points_adjust",
        {201, 404, 422},
    ),
    ("/admin/v1/achievements/{key}", "patch"): ("admin_achievements_update", {200, 404, 422}),
}

# Schema -> required fields, optional fields. A question mark ends the name of one that may be null.
_TRIGGER = (
    "metricId metricThreshold eventAttributes achievementId streakLength timeUnit timeInterval"
)
SCHEMAS = {
    "AdminIssue": ("severity message", "id userId boostId index"),
    "DeletedResource": ("id", ""),
    "AdminPointsBoost": (
        "id name status start end? multiplier rounding userId?",
        "userAttributes",
    ),
    "AdminPointsTrigger": (
        "id type points status userAttributes blockIfOutOfPoints",
        _TRIGGER,
    ),
    "AdminPointsLevel": ("id name key points description badge?", ""),
    "AdminStreakPause": ("id userId start end status", ""),
    "CreatePointsBoostsResponse": ("created issues", ""),
    "PatchPointsBoostsResponse": ("updated issues", ""),
    "DeletePointsBoostsResponse": ("deleted issues", ""),
    "CreatePointsTriggersResponse": ("created issues", ""),
    "PatchPointsTriggersResponse": ("updated issues", ""),
    "DeletePointsTriggersResponse": ("deleted issues", ""),
    "CreatePointsLevelsResponse": ("created issues", ""),
    "PatchPointsLevelsResponse": ("updated issues", ""),
    "DeletePointsLevelsResponse": ("deleted issues", ""),
    "CreateStreakFreezesResponse": ("issues", ""),
    "CreateStreakPausesResponse": ("created issues", ""),
    "DeleteStreakPausesResponse": ("deleted issues", ""),
    "RestoreStreaksResponse": ("restoredUsers issues", ""),
}

# Operation -> the field that wraps the items, and the fields of an item.
_BOOST_MORE = "end? rounding userAttributes?"
REQUESTS = {
    (f"{SYSTEM}/boosts", "post"): (None, "name start multiplier", f"userId? {_BOOST_MORE}"),
    (f"{SYSTEM}/boosts", "patch"): (None, "id", f"name start multiplier {_BOOST_MORE}"),
    (f"{SYSTEM}/triggers", "post"): (
        None,
        "type points",
        f"status userAttributes? blockIfOutOfPoints {_TRIGGER}".replace(
            "eventAttributes", "eventAttributes?"
        ),
    ),
    (f"{SYSTEM}/triggers", "patch"): (
        None,
        "id",
        f"type points status userAttributes? blockIfOutOfPoints {_TRIGGER}".replace(
            "eventAttributes", "eventAttributes?"
        ),
    ),
    (f"{SYSTEM}/levels", "post"): (None, "name key points", "description badge"),
    (f"{SYSTEM}/levels", "patch"): (None, "id", "name points description badge?"),
    ("/admin/v1/streaks/freezes", "post"): ("freezes", "userId", ""),
    ("/admin/v1/streaks/pauses", "post"): ("pauses", "userId start end", ""),
    ("/admin/v1/streaks/restore", "post"): ("users", "id", ""),
    ("/admin/v1/points/boosts", "post"): (
        "boosts",
        "userId name start multiplier",
        "end? rounding",
    ),
}


@pytest.fixture(scope="module")
def described():
    app = build_server(GatewayConfig(Connection("127.0.0.1:1"), "postgresql://x@127.0.0.1:1/x"))
    return app.openapi()


def test_the_operations_are_those_of_the_contract_and_three_additions(described):
    served = {
        (path, method)
        for path, methods in described["paths"].items()
        for method in methods
        if path.startswith("/admin")
    }
    assert served == OPERATIONS.keys() | ADDITIONS.keys()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_an_operation_has_the_name_the_statuses_and_the_answer_of_the_contract(
    described, path, method
):
    operation_id, statuses, success = OPERATIONS[path, method]
    operation = described["paths"][path][method]
    assert operation["operationId"] == operation_id
    assert operation["security"] == [{"ApiKeyAuth": []}]
    assert statuses <= {int(status) for status in operation["responses"]}
    for status in sorted(statuses):
        shape = operation["responses"][str(status)]["content"]["application/json"]["schema"]
        if status >= 400:
            assert shape == {"$ref": "#/components/schemas/ErrorBody"}
        elif isinstance(success, list):
            assert shape["type"] == "array"
            assert shape["items"] == {"$ref": f"#/components/schemas/{success[0]}"}
        else:
            assert shape == {"$ref": f"#/components/schemas/{success}"}


@pytest.mark.parametrize(("path", "method"), ADDITIONS)
def test_an_addition_answers_with_its_statuses(described, path, method):
    operation_id, statuses = ADDITIONS[path, method]
    operation = described["paths"][path][method]
    assert operation["operationId"] == operation_id
    assert statuses <= {int(status) for status in operation["responses"]}


def _fields(schema):
    required: set[str] = set()
    optional: set[str] = set()
    for field, shape in schema["properties"].items():
        nullable = {"type": "null"} in shape.get("anyOf", ())
        named = f"{field}?" if nullable else field
        (required if field in schema.get("required", ()) else optional).add(named)
    return required, optional


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_has_the_fields_of_the_contract(described, name):
    required, optional = SCHEMAS[name]
    found = _fields(described["components"]["schemas"][name])
    assert found == (set(required.split()), set(optional.split()))


@pytest.mark.parametrize(("path", "method"), REQUESTS)
def test_a_request_has_the_fields_of_the_contract(described, path, method):
    wrapper, required, optional = REQUESTS[path, method]
    body = described["paths"][path][method]["requestBody"]
    assert body["required"] is True
    schema = body["content"]["application/json"]["schema"]
    if wrapper is not None:
        assert wrapper in schema["required"]
        schema = schema["properties"][wrapper]
    assert (schema["type"], schema["minItems"], schema["maxItems"]) == ("array", 1, 100)
    assert _fields(schema["items"]) == (set(required.split()), set(optional.split()))


def test_the_limits_of_a_request_are_those_of_the_contract(described):
    def item(path, method="post"):
        content = described["paths"][path][method]["requestBody"]["content"]
        return content["application/json"]["schema"]["items"]["properties"]

    boost, trigger, level = (item(f"{SYSTEM}/{it}") for it in ("boosts", "triggers", "levels"))
    assert boost["name"]["maxLength"] == 255
    assert boost["multiplier"]["exclusiveMinimum"] == 0
    assert boost["multiplier"]["exclusiveMaximum"] == 100
    assert boost["rounding"]["enum"] == ["down", "up", "nearest"]
    assert boost["start"] == {"title": "Start", "type": "string", "format": "date"}
    assert trigger["type"]["enum"] == ["metric", "achievement", "streak", "time", "user_creation"]
    assert trigger["status"]["enum"] == ["active", "inactive"]
    assert trigger["timeUnit"]["enum"] == ["hours", "days"]
    for name in ("metricThreshold", "streakLength", "timeInterval"):
        assert (trigger[name]["type"], trigger[name]["minimum"]) == ("integer", 1)
    assert (level["points"]["type"], level["points"]["minimum"]) == ("integer", 0)
    assert level["key"]["pattern"] == "^[a-zA-Z0-9_-]+$"


def test_the_parameters_are_those_of_the_contract(described):
    def parameters(path, method):
        told = described["paths"][path][method]["parameters"]
        return {(it["name"], it["in"]): it for it in told}

    for kind in ("boosts", "triggers", "levels"):
        many = f"{SYSTEM}/{kind}"
        listing = parameters(many, "get")
        assert set(listing) == {
            ("systemId", "path"),
            ("limit", "query"),
            ("skip", "query"),
            ("Tenant-ID", "header"),
        }
        limit, skip = (listing[name, "query"]["schema"] for name in ("limit", "skip"))
        assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 100, 10)
        assert (skip["minimum"], skip["default"]) == (0, 0)
        deletion = parameters(many, "delete")
        assert deletion["ids", "query"]["required"] is True
        assert deletion["ids", "query"]["schema"]["type"] == "array"
        assert set(parameters(f"{many}/{{id}}", "get")) == {
            ("systemId", "path"),
            ("id", "path"),
            ("Tenant-ID", "header"),
        }
    assert ("ids", "query") in parameters("/admin/v1/streaks/pauses", "delete")


def test_the_document_of_the_admin_api_names_every_operation():
    text = (ROOT / "docs" / "reference" / "admin.md").read_text(encoding="utf-8")
    for path, method in OPERATIONS | ADDITIONS:
        if path.startswith(SYSTEM):
            # Rows for all three kinds: the methods on many, and the one on one.
            assert f"`{path}`" in text or f"`…{path.removeprefix(SYSTEM)}`" in text, path
        else:
            assert f"| `{method.upper()} {path}` |" in text, path
