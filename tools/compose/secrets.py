"""Make the passwords of docker-compose.yml, in .env, once: `python3 tools/compose/secrets.py`.

What is in the file stays; what is missing is added. Needs Python alone, none of xpledger.
"""

import os
import secrets
import sys
from pathlib import Path

# As docker-compose.yml has them.
NAMES = (
    "KAFKA_BROKER_PASSWORD",
    "KAFKA_PARTS_PASSWORD",
    "KAFKA_CLIENTS_PASSWORD",
    "POSTGRES_PASSWORD",
    "POSTGRES_OWNER_PASSWORD",
    "POSTGRES_SERVING_PASSWORD",
    "POSTGRES_READING_PASSWORD",
    "XP_PARTS_SECRET",
)


def completed(text: str) -> str:
    """Return the text of a .env file with a password for each name that has none."""
    given = {line.partition("=")[0].strip() for line in text.splitlines()}
    lines = [f"{name}={secrets.token_urlsafe(24)}\n" for name in NAMES if name not in given]
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{end}{''.join(lines)}"


def main() -> None:
    """Write .env of the checkout, for its owner only."""
    file = Path(__file__).resolve().parents[2] / ".env"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    os.umask(0o077)
    draft = file.with_name(".env.new")
    draft.write_text(completed(text), encoding="utf-8")
    draft.replace(file)
    sys.stdout.write(f"passwords are in {file}\n")


if __name__ == "__main__":
    main()
