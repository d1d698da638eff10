"""The same doors, with inputs that atheris grows by the code that they reach.

    PYTHONPATH=.:tests .fuzz-venv/bin/python tests/hostile/guided.py CORPUS -runs=100000

Run by `make hostile-guided`: atheris has a place of its own, as it is nothing that the tests need.
CORPUS is a directory; what an earlier run found there is gone on with.
"""

import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]  # it is in no lock

with atheris.instrument_imports(include=["ops", "schemas", "contract", "yaml"]):
    from hostile.doors import try_doors
    from hostile.files import GAMES, HUGE


def main() -> None:
    """Run what the command line of libFuzzer says."""
    corpus = Path(sys.argv[1])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, raw in enumerate([*GAMES, *(make(300).encode() for make in HUGE)]):
        (corpus / f"seed-{number}").write_bytes(raw)
    atheris.Setup(sys.argv, try_doors)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
