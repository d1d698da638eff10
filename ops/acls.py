"""The commands by which an operator lets each role into a Kafka with ACLs."""

import shlex
from collections.abc import Iterator
from typing import Final

from broker.access import Operation, Rule, rules
from schemas.topics import Topics

PROGRAM: Final = "kafka-acls.sh --bootstrap-server HOST:PORT --command-config admin.properties"
# As Kafka's own tool has them.
OPERATIONS: Final[dict[Operation, str]] = {
    "read": "Read",
    "write": "Write",
    "create": "Create",
    "describe": "Describe",
    "describe-configs": "DescribeConfigs",
}


def acl_commands(topics: Topics) -> Iterator[str]:
    """Yield a command for each rule, role by role; the users are called User:xp-ROLE."""
    for rule in sorted(rules(topics), key=lambda it: (it.role, it.resource, it.name)):
        yield _command(rule)


def _command(rule: Rule) -> str:
    kind = "allow" if rule.allowed else "deny"
    return (
        f"{PROGRAM} --add --{kind}-principal User:xp-{rule.role} "
        f"--operation {OPERATIONS[rule.operation]} --{rule.resource} {shlex.quote(rule.name)}"
    )
