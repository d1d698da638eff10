"""The page on security says what the code does: who writes which topic, which role may do what."""

import re
from pathlib import Path
from typing import get_args

from broker.access import OUTSIDE, ROLES, Role, access, rules
from ops.acls import acl_commands
from ops.embedded.postgres_roles import OWNER
from ops.stack import OURS
from projections.grants import READING, SERVING
from schemas import inputs
from schemas.topics import Topics

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TOPICS = Topics()
# Types that anyone may send: metric events have none of their own.
OPEN = {"metric", "user", "achievement"}


def section(title):
    """Return what stands under a heading."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text, cells):
    """Return the cells of each row of the tables that have so many columns."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    found = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return [it for it in found if len(it) == cells]


def test_the_table_of_topics_is_that_of_the_code():
    told = {
        topic.strip("`"): (set(writers.split(", ")), set(readers.split(", ")))
        for topic, writers, readers in rows(section("Kafka"), 3)
    }
    assert told == {
        topic: (set(writers), set(readers)) for topic, writers, readers in access(TOPICS)
    }


def test_every_topic_that_there_is_has_its_line():
    planned = [topic.name for topic in TOPICS.plan(1)]
    assert [it.topic for it in access(TOPICS)] == planned


def test_whoever_is_outside_writes_events_and_nothing_else():
    written = {it.name for it in rules(TOPICS) if it.role in OUTSIDE and it.operation == "write"}
    assert written == {TOPICS.events}
    made = {it for it in rules(TOPICS) if it.role in OUTSIDE and it.operation == "create"}
    assert made == set()
    # What is personal, and what the game is made of, is not theirs to read.
    read = {it.name for it in rules(TOPICS) if it.role in OUTSIDE and it.operation == "read"}
    assert not read & {TOPICS.profiles, TOPICS.definitions, TOPICS.events}


def test_every_role_has_commands_under_any_prefix():
    commands = list(acl_commands(Topics("game.")))
    for role in ROLES:
        assert [it for it in commands if f"-principal User:xp-{role} " in it], role
    assert not [it for it in commands if re.search(r" xp\.", it)]
    (denied,) = [it for it in commands if "--deny-principal" in it]
    assert denied.endswith("--deny-principal User:xp-reader --operation Read --group game.worker")


def test_the_types_that_have_to_be_signed_are_all_but_those_that_anyone_may_send():
    every = {
        struct.__struct_config__.tag
        for name in inputs.__all__
        if isinstance(struct := getattr(inputs, name), type)
        and hasattr(struct, "__struct_config__")
        and struct.__struct_config__.tag
    }
    listed = re.search(r"Every other\s+type \(([^)]*)\)", PAGE)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == every - OPEN


def test_the_roles_of_postgres_are_those_that_are_made_and_granted():
    assert [role.strip("`") for role, *_ in rows(section("Postgres"), 3)] == [
        OWNER,
        SERVING,
        READING,
    ]


def test_compose_makes_the_roles_that_the_page_makes():
    script = (ROOT / "tools" / "compose" / "postgres-roles.sh").read_text(encoding="utf-8")
    block = re.search(r"```sql\n(.*?)```", section("Postgres"), re.DOTALL)
    assert block is not None
    assert f"<<'SQL'\n{block[1]}SQL\n" in script


def test_the_directories_that_are_closed_are_those_that_are_made():
    told = set(re.findall(r"`([a-z.-]+)`", section("Files").split("0700")[0]))
    assert told == {"kafka", "postgres", "parts", "worker", "snapshots"}
    assert told <= OURS


def test_every_role_that_is_a_type_has_its_place():
    assert set(get_args(Role)) == set(ROLES)
