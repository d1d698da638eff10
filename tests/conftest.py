"""What tests of every kind share: a clean environment, the stack, a database and a prefix each.

Fixtures of one kind of test stand in that kind's own conftest.py.
"""

import os
import secrets
from collections.abc import Iterator

import hypothesis
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from stack import Stack, shared_stack

KEPT = ("XP_TEST_", "XP_CACHE_DIR")

# Before anything of ours is imported by a test: what the caller has set is not what is tested.
for _name in [name for name in os.environ if name.startswith("XP_")]:
    if not _name.startswith(KEPT):
        del os.environ[_name]

# The same examples each time, so that a change is never blamed for what chance finds in another.
# XP_TEST_CHANCE=1 looks at others; `make simulate` and `make hostile` look at many more.
hypothesis.settings.register_profile("steady", derandomize=True)
if "XP_TEST_CHANCE" not in os.environ:
    hypothesis.settings.load_profile("steady")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a Kafka and a Postgres, started once for all processes of a run."""
    home = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        home = home.parent
    with shared_stack(home / "stack") as running:
        yield running


@pytest.fixture(scope="session")
def template() -> str | None:
    """Name the database that `database` copies; None: it starts empty. To be overridden."""
    return None


@pytest.fixture
def database(stack: Stack, template: str | None) -> Iterator[str]:
    """Give the DSN of a database of this test's own, dropped afterwards."""
    name = f"xp_test_{secrets.token_hex(6)}"
    source = template or "template0"
    with psycopg.connect(stack.postgres, autocommit=True) as admin:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(source)))
        yield make_conninfo(stack.postgres, dbname=name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def prefix() -> str:
    """Give a short string that no other test has, for names on the shared Kafka."""
    return f"t{secrets.token_hex(4)}"
