"""The documents say what is: commands, paths, links, tables and examples are held against the code.

What a fenced block is for stands behind its language: ```json event is read as an event, ```yaml
game as a definition file, ```json NAME is held against schemas/json/NAME.json.
"""

import ast
import importlib
import json
import re
import shlex
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase
from reference.game import Game
from reference.turn import level
from typer.main import get_group

from broker.connection import Connection
from gateway.application.events import read_event
from gateway.server import GatewayConfig, build_server
from notifier.webhooks import headers, new_secret
from ops import game_yaml
from ops.cli import app
from ops.game_file import read_game
from ops.settings import Settings
from schemas.codec import VERSION_BYTES_MAX, read_record, write_record
from schemas.definitions import limits
from schemas.inputs.reading import read_input
from schemas.instants import YEAR_MAX, YEAR_MIN
from schemas.order import Link, follows, link_of
from schemas.records import RECORD_VERSION, Record, Source
from schemas.text import ATTRIBUTE_LENGTH_MAX
from schemas.topics import Topics

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
ROOMS = ("schemas", "broker", "processor", "projections", "contract", "gateway", "notifier", "ops")
FOLDERS = (*ROOMS, "examples", "tests", "docs", "benchmarks")
FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*")
TOP_LEVEL = re.compile(r"[\w.-]+\.(?:lock|toml|yml)|Makefile|Dockerfile|LICENSE|[A-Z]+\.md")


class Block(NamedTuple):
    """A fenced block."""

    file: str
    # All that stands behind the fence: a language and what the block is for.
    info: str
    text: str


TEXTS = {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in FILES}
BLOCKS = [
    Block(name, info.strip(), text)
    for name, whole in TEXTS.items()
    for info, text in FENCE.findall(whole)
]
PROSE = {name: FENCE.sub("", whole) for name, whole in TEXTS.items()}


def blocks(*languages):
    return [
        pytest.param(block, id=f"{block.file}-{number}")
        for number, block in enumerate(BLOCKS)
        if block.info.split(" ")[0] in languages
    ]


def purpose(language, *kinds):
    return [
        pytest.param(block, id=f"{block.file}-{number}")
        for number, block in enumerate(BLOCKS)
        if block.info in {f"{language} {kind}" for kind in kinds}
    ]


def rows(name, start):
    """Return the cells of the table rows of a document whose first cell begins like `start`."""
    found = []
    for line in PROSE[name].splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        if line.startswith("|") and cells[0].startswith(start):
            found.append(cells)
    return found


# -- commands


def problem_of(words):
    """Say what is wrong with the words of an `xp` command; None if nothing is."""
    node: Any = get_group(app)
    said = ["xp"]
    left = list(words)
    while left:
        word = left.pop(0)
        if word.startswith("-") and not word[1:].isdigit() and len(word) > 1:
            name, _, value = word.partition("=")
            options = {it: param for param in node.params for it in param.opts}
            if name in ("--help", "-h"):
                continue
            if name not in options:
                return f"{' '.join(said)} has no option {name}"
            if not (options[name].is_flag or value) and (not left or not left.pop(0)):
                return f"{name} needs a value"
        elif hasattr(node, "commands"):
            if word not in node.commands:
                return f"{' '.join(said)} has no command {word}"
            node = node.commands[word]
            said.append(word)
    return None


def commands_of(text):
    """Return the words of each command of a shell block, comments and continuations resolved."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        ends = [at for at, word in enumerate(words) if word in ("<", ">", "|", "&&")]
        yield words[: ends[0]] if ends else words


SHELL = [
    (block.file, words)
    for block in BLOCKS
    if block.info == "sh"
    for words in commands_of(block.text)
]
INLINE = [
    (name, shlex.split(code))
    for name, text in PROSE.items()
    for code in CODE.findall(text)
    if code == "xp" or code.startswith("xp ")
]


def test_every_xp_command_and_option_exists():
    shell = [(name, words[words.index("xp") :]) for name, words in SHELL if "xp" in words]
    assert len(shell) > 20
    assert len(INLINE) > 20
    found = [(name, problem_of(words[1:])) for name, words in (*shell, *INLINE)]
    assert not [it for it in found if it[1]]


def test_every_make_target_and_script_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    inline = [
        shlex.split(code)
        for text in PROSE.values()
        for code in CODE.findall(text)
        if code.startswith("make ")
    ]
    for words in (*(words for _, words in SHELL), *inline):
        if words[:1] == ["make"]:
            assert {word for word in words[1:] if "=" not in word} <= targets
        if words[:1] == ["python"]:
            assert (ROOT / words[1]).is_file()


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("nope", "xp has no command nope"),
        ("apply game.yaml --wet-run", "xp apply has no option --wet-run"),
        ("grant ann xp -20 --raeson hat", "xp grant has no option --raeson"),
        ("keys forget x", "xp keys has no command forget"),
        ("--log-level info webhooks add https://example.com --type points.level_changed", None),
    ],
)
def test_the_check_of_commands_sees_a_slip(command, problem):
    assert problem_of(shlex.split(command)) == problem


# -- paths and links


@pytest.mark.parametrize("name", TEXTS)
def test_every_path_exists(name):
    codes = CODE.findall(PROSE[name])
    named = [it for it in codes if PATH.fullmatch(it) or TOP_LEVEL.fullmatch(it)]
    assert not [it for it in named if not (ROOT / it).exists()]


def test_every_file_in_the_table_of_rooms_exists():
    for room in ROOMS:
        ((first, listed),) = rows("ARCHITECTURE.md", f"`{room}/`")
        files = [it for it in CODE.findall(listed) if re.fullmatch(r"\w+(\.py|/)", it)]
        assert files
        assert not [it for it in files if not (ROOT / first.strip("`") / it).exists()]


def slugs(name):
    """Return the anchors of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", PROSE[name], re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", TEXTS)
def test_every_relative_link_resolves(name):
    for target in LINK.findall(PROSE[name]):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.resolve().exists(), target
        if anchor:
            assert anchor in slugs(str(file.resolve().relative_to(ROOT))), target


def test_every_document_is_linked_from_the_readme():
    linked = {target.partition("#")[0] for target in LINK.findall(PROSE["README.md"])}
    assert set(TEXTS) - {"README.md"} <= linked


# -- tables


def shown(name, default):
    """Return a default as the table of settings shows it."""
    if name == "cache_dir":
        return "the user's cache directory"
    if default is None:
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    return json.dumps(default) if isinstance(default, tuple) else str(default)


def test_the_table_of_settings_is_that_of_the_program():
    told = {cells[0].strip("`"): cells[1].strip("`") for cells in rows("docs/operating.md", "`XP_")}
    assert told == {
        f"XP_{name.upper()}": shown(name, field.default)
        for name, field in Settings.model_fields.items()
    }


@pytest.mark.parametrize("block", blocks("toml"))
def test_a_settings_file_in_the_docs_is_one(block):
    given = tomllib.loads(block.text)
    assert set(given) <= set(Settings.model_fields)
    Settings(**given, kafka_password="secret")


def test_the_table_of_metrics_is_that_of_the_program():
    told = {
        cells[0].strip("`"): (cells[1].partition(",")[0], set(CODE.findall(cells[1])))
        for cells in rows("docs/operating.md", "`xp_")
    }
    counted = {}
    for room in ("broker", "processor", "projections", "gateway.http", "notifier"):
        for metric in vars(importlib.import_module(f"{room}.metrics")).values():
            if isinstance(metric, MetricWrapperBase):
                end = "_total" if metric._type == "counter" else ""
                counted[f"{metric._name}{end}"] = (metric._type, set(metric._labelnames))
    assert told == counted


def test_the_table_of_topics_is_that_of_the_program():
    told = [cells[0].strip("`") for cells in rows("docs/operating.md", "`xp.")]
    assert told == [topic.name for topic in Topics().plan(8)]


def test_the_operations_and_statuses_are_those_that_the_gateway_serves():
    config = GatewayConfig(Connection("127.0.0.1:1"), "postgresql://x@127.0.0.1:1/x")
    paths = build_server(config).openapi()["paths"]
    served = {
        f"{method.upper()} {path}": operation["responses"]
        for path, methods in paths.items()
        for method, operation in methods.items()
        if path.startswith("/v1")
    }
    name = "docs/reference/http.md"
    told = [
        cells[0].strip("`")
        for verb in ("POST", "GET", "PUT", "PATCH")
        for cells in rows(name, f"`{verb} /v1")
    ]
    assert set(told) == set(served)
    statuses = {it for cells in rows(name, tuple("2345")) for it in re.findall(r"\d+", cells[0])}
    assert {status for responses in served.values() for status in responses} <= statuses


# What a client in the SDK's source asks for: method, path, verb.
SDK_REQUEST = re.compile(
    r"    def (\w+)\((?:(?!    def ).)*?httpx_client\.request\(\s*f?\"([^\"]*)\""
    r"(?:(?!    def ).)*?method=\"([A-Z]+)\"",
    re.DOTALL,
)
SDK_CLIENTS = {
    # What stands in the table -> folders of the SDK, and whether all they ask for is served.
    "`client.metrics`": ("metrics", "achievements", "streaks", "points"),
    "`client.users`": ("users",),
    "`client.admin.points.boosts`": (
        "admin/points/boosts",
        "admin/points/triggers",
        "admin/points/levels",
    ),
    "`client.admin.streaks.freezes`": ("admin/streaks/freezes", "admin/streaks/pauses"),
    "`client.admin.streaks`": ("admin/streaks",),
}


def requests_of(folder):
    """Return method -> operation of a client of the SDK."""
    root = Path(importlib.import_module("trophy").__file__ or "").parent
    text = (root / folder / "raw_client.py").read_text(encoding="utf-8")
    base = "/admin/v1/" if folder.startswith("admin") else "/v1/"
    return {
        method: f"{verb} {base}{re.sub(r'{[^}]*}', '{}', path)}"
        for method, path, verb in SDK_REQUEST.findall(text.partition("class Async")[0])
    }


def test_the_methods_of_the_sdk_that_are_said_to_work_are_those_that_are_served():
    config = GatewayConfig(Connection("127.0.0.1:1"), "postgresql://x@127.0.0.1:1/x")
    served = {
        f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}"
        for path, methods in build_server(config).openapi()["paths"].items()
        for method in methods
    }
    table = rows("docs/howto/use-trophy-sdk.md", "`client.")
    assert len(table) == len(SDK_CLIENTS)
    for first, told in table:
        folders = SDK_CLIENTS[first.partition(",")[0]]
        asked = {name: it for folder in folders for name, it in requests_of(folder).items()}
        works = {name for name, operation in asked.items() if operation in served}
        named = set(CODE.findall(told))
        assert works == (set(asked) - named if told.startswith("all") else named), first


def test_no_field_that_a_game_may_have_is_said_to_come_later():
    fields = TEXTS["docs/howto/write-a-game.md"].partition("## Fields")[2].partition("\n## ")[0]
    refused = {cells.split("|")[1] for cells in fields.splitlines() if "is refused |" in cells}
    assert refused == {" `controlRatio` "}
    assert "later" not in fields.replace("whichever is later", "")


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("definitions", "docs/howto/write-a-game.md"),
        ("metric-event", "docs/reference/events.md"),
        ("ledger-record", "docs/reference/ledger.md"),
        ("points-awarded", "docs/howto/consume-awards.md"),
        ("level-changed", "docs/howto/consume-awards.md"),
        ("achievement-completed", "docs/howto/consume-awards.md"),
        ("streak-changed", "docs/howto/consume-awards.md"),
    ],
)
def test_every_field_on_the_wire_is_described(schema, name):
    whole = json.loads((ROOT / "schemas" / "json" / f"{schema}.json").read_text(encoding="utf-8"))
    models = [whole, *whole.get("$defs", {}).values()]
    fields = {field for model in models for field in model.get("properties", ())}
    assert fields
    assert not [it for it in fields if not re.search(rf"\b{it}\b", TEXTS[name])]


def test_the_limits_of_a_game_are_those_of_the_code():
    _, _, section = PROSE["docs/howto/write-a-game.md"].partition("## Limits")
    cells = [line.split("|")[2] for line in section.splitlines() if line.startswith("| ")][1:]
    told = {int(it.replace(",", "")) for cell in cells for it in re.findall(r"\d[\d,]*", cell)}
    constants = [value for name, value in vars(limits).items() if name.isupper()]
    # Of filters' values, years and bytes others are the owners; 0 is the least multiplier.
    others = {ATTRIBUTE_LENGTH_MAX, YEAR_MIN, YEAR_MAX, VERSION_BYTES_MAX, 0}
    others |= {game_yaml.BYTES_MAX, game_yaml.NODES_MAX, game_yaml.DEPTH_MAX}
    assert told == {*constants, *others}


def test_every_open_decision_that_the_code_names_is_listed():
    named = {
        number
        for room in ROOMS
        for file in (ROOT / room).rglob("*")
        if file.suffix in (".py", ".sql")
        for number in re.findall(r"OD-\d+", file.read_text(encoding="utf-8"))
    }
    told = {cells[0] for cells in rows("docs/reference/decisions.md", "OD-")}
    # OD-19 is named where its code is reserved; its rule comes later.
    assert named - {"OD-19"} <= told


# -- examples


@pytest.mark.parametrize("block", purpose("json", "event"))
def test_an_event_in_the_docs_is_one(block):
    read_input(block.text.encode())


@pytest.mark.parametrize("block", purpose("json", "body"))
def test_a_body_in_the_docs_is_one(block):
    event, _ = read_event(block.text.encode(), "lessons", "default", None)
    assert event.metric == "lessons"


SCHEMAS = [file.stem for file in (ROOT / "schemas" / "json").glob("*.json")]


@pytest.mark.parametrize("block", purpose("json", *SCHEMAS))
def test_what_leaves_looks_as_the_docs_show_it(block):
    file = ROOT / "schemas" / "json" / f"{block.info.split(' ')[1]}.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(block.text))


def test_every_json_block_is_json():
    for block in BLOCKS:
        if block.info.startswith("json"):
            json.loads(block.text)


@pytest.mark.parametrize("block", purpose("yaml", "game"))
def test_a_game_in_the_docs_is_one(block, tmp_path):
    file = tmp_path / "game.yaml"
    file.write_text(block.text, encoding="utf-8")
    assert read_game(file).metrics


@pytest.mark.parametrize("block", blocks("python"))
def test_python_in_the_docs_compiles_and_imports_what_exists(block):
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert all(hasattr(module, alias.name) for alias in node.names)


def executed(word):
    """Run the one Python block that contains a word and return what it defines."""
    ((text),) = [it.text for it in BLOCKS if it.info.startswith("python") and word in it.text]
    defined: dict[str, Any] = {}
    exec(text, defined)
    return defined


def test_the_verification_of_webhooks_in_the_docs_agrees_with_the_notifier():
    defined = executed("def verify_trophy")
    secret, body = new_secret(), b'{"type": "points.level_changed"}'
    signed = headers(secret, "0-2-1655:11", body, datetime.now(UTC))
    old = headers(secret, "0-2-1655:11", body, datetime(2026, 1, 1, tzinfo=UTC))
    for verify in (defined["verify_trophy"], defined["verify_standard"]):
        assert verify(secret, body, signed)
        assert not verify(secret, body + b" ", signed)
        assert not verify(new_secret(), body, signed)
    assert not defined["verify_standard"](secret, body, old)


def test_the_chain_rule_in_the_docs_agrees_with_the_engines():
    defined = executed("def admits")
    ours = theirs = None
    taken = []
    for offset, lane, after in [
        (0, "a", None),
        (1, "a", (0, 0, "a")),
        (1, "b", (0, 0, "a")),
        (2, "b", (0, 1, "b")),
        (2, "c", (0, 1, "a")),
        (3, "c", None),
        (0, "d", (0, 2, "c")),
    ]:
        link = None if after is None else Link(*after)
        # As the engine writes it: a lane is said where it is another than that of the predecessor.
        said = None if link is not None and link.lane == lane else lane
        raw = write_record(Record(RECORD_VERSION, Source(0, 0, offset), link, 0, 1, 1, lane=said))
        record, words = read_record(raw), json.loads(raw)
        admitted = follows(ours, record)
        assert defined["admits"](theirs, words) == admitted
        # And as older records have it.
        assert defined["link_of"](words | {"lane": lane}) == defined["link_of"](words)
        taken.append(admitted)
        if admitted:
            ours, theirs = link_of(record), defined["link_of"](words)
            assert theirs == [ours.epoch, ours.offset, ours.lane]
    assert taken == [True, True, False, False, True, False, True]


# The module's docstring, imports and blank lines do not count.
@pytest.mark.parametrize(("name", "lines_max"), [("producer", 12), ("consumer", 24)])
def test_the_examples_are_as_short_as_is_said(name, lines_max):
    text = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    body = ast.parse(text).body
    left_out = {
        number
        for node in body
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Expr) and node is not body[-1]
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = [
        line
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and number not in left_out
    ]
    assert len(lines) <= lines_max


def test_the_users_that_the_readme_shows_are_those_of_the_second_implementation():
    game = Game(yaml.safe_load((ROOT / "examples" / "commits.yaml").read_text(encoding="utf-8")))
    events = (ROOT / "examples" / "commits.ndjson").read_text(encoding="utf-8").splitlines()
    for line in events:
        game.play(json.loads(line, parse_float=Decimal, parse_int=Decimal), datetime.now(UTC))
    (text,) = [block.text for block in BLOCKS if block.file == "README.md" and "┃" in block.text]
    assert f"Published {len(events):,} events" in text
    told = [
        [cell.strip().replace(",", "") for cell in line.strip("│").split("│")]
        for line in text.splitlines()
        if line.startswith("│")
    ]
    known = sorted(game.users.items(), key=lambda it: (-it[1].points.get("xp", 0), it[0]))[:10]
    assert told == [
        [
            user,
            str(held.totals["commits"]),
            str(held.totals["lines-changed"]),
            str(held.streaks["daily"].longest),
            str(held.points["xp"]),
            level(game.rules.systems[0], held.points["xp"]),
        ]
        for (_tenant, user), held in known
    ]
