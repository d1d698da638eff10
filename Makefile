# The commands of this checkout. Each is enough by itself: what it needs is made first, and only when it is missing.
# Needs Linux, Python 3.11 or newer, and make. Nothing is installed outside of .venv and the user's cache directory.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
ROOT := $(CURDIR)

.DEFAULT_GOAL := help
.PHONY: help run test check format bench faults simulate hostile hostile-guided hostile-lane hostile-lane-guided planted mutants contract compile test-compiled lock clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-14s %s\n", $$1, $$2 }'

run: $(STAMP) ## start everything, import the example, and stay up
	@$(BIN)/python tools/compile.py
	@$(BIN)/xp up --game examples/commits.yaml --publish examples/commits.ndjson

# Four at a time, for many wait, on one Kafka and one Postgres. In the order of the files: what takes long comes first.
test: $(STAMP) ## run the tests
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(STAMP) ## lint, format, types, and who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## put the code into shape
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

compile: $(STAMP) ## compile the rules and the judge, as `make run` does; needs a C compiler
	@$(BIN)/python tools/compile.py --required

# What runs in this process takes the compiled modules from here; what `xp` starts finds them by itself.
test-compiled: compile ## run the tests of rules, laws, judge and simulated lanes on the compiled modules
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -o pythonpath=".compiled tests" \
		tests/rules tests/laws tests/parts tests/simulation $(ARGS)

contract: $(STAMP) ## have schemathesis try the gateway's description for ten minutes
	@XP_TEST_CONTRACT_S=600 $(BIN)/python -m pytest -n 0 tests/journeys/test_contract.py $(ARGS)

bench: $(STAMP) ## measure speed, latency, recovery and memory, beside other engines
	@$(BIN)/python tools/compile.py
	@$(BIN)/python -m benchmarks $(ARGS)

faults: $(STAMP) ## kill, pause, cut and fill up everything, and check that every event counts once
	@PYTHONPATH=$(ROOT):$(ROOT)/tests $(BIN)/python -m faults $(ARGS)

simulate: $(STAMP) ## run thousands of schedules of lanes, crashes and zombies in one process
	@PYTHONPATH=$(ROOT):$(ROOT)/tests $(BIN)/python -m simulation $(ARGS)

hostile: $(STAMP) ## try a hundred thousand definition files that are meant to do harm
	@PYTHONPATH=$(ROOT):$(ROOT)/tests $(BIN)/python -m hostile $(ARGS)

hostile-lane: $(STAMP) ## throw hundreds of thousands of records at a lane that are meant to stop it
	@PYTHONPATH=$(ROOT):$(ROOT)/tests $(BIN)/python -m hostile.lane $(ARGS)

# atheris has no wheels for every Python, and what it brings is nothing that xpledger or its tests run on: a place of its own.
.fuzz-venv/bin/python: | $(STAMP)
	@$(PYTHON) -m venv .fuzz-venv \
		&& .fuzz-venv/bin/pip install --quiet --only-binary :all: atheris==2.3.0 \
		&& $(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
			> "$$(.fuzz-venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/xpledger.pth" \
		|| { rm -rf .fuzz-venv; echo "atheris cannot be installed for this Python; make hostile and hostile-lane need none" >&2; exit 1; }

RUNS ?= 100000
hostile-guided: $(STAMP) .fuzz-venv/bin/python ## the same with inputs that atheris grows by the code they reach; RUNS=100000
	@PYTHONPATH=$(ROOT):$(ROOT)/tests .fuzz-venv/bin/python tests/hostile/guided.py .fuzz-venv/corpus \
		-runs=$(RUNS) -max_len=65536 -timeout=60 -artifact_prefix=.fuzz-venv/ $(ARGS)

LANE_RUNS ?= 1000000
hostile-lane-guided: $(STAMP) .fuzz-venv/bin/python ## the same with records that atheris grows by the code they reach; LANE_RUNS=1000000
	@PYTHONPATH=$(ROOT):$(ROOT)/tests .fuzz-venv/bin/python tests/hostile/lane_guided.py .fuzz-venv/lane-corpus \
		-runs=$(LANE_RUNS) -max_len=65536 -timeout=60 $(ARGS)

planted: $(STAMP) ## put in known bugs, one at a time, and see each of them caught
	@$(BIN)/python tools/planted.py $(ARGS)

mutants: $(STAMP) ## change the rules in one place at a time, and see the tests go red
	@$(BIN)/python tools/mutants.py $(ARGS)

# uv only resolves; what it writes is installed with pip. It is kept apart, for it is nothing that xpledger runs on, and pinned
# like everything else: tools/uv.lock.
lock: ## pin the newest versions that fit, with hashes
	@test -x .lock-venv/bin/uv || { $(PYTHON) -m venv .lock-venv && .lock-venv/bin/pip install --quiet --no-deps \
		--require-hashes --only-binary :all: -r tools/uv.lock; }
	@echo "resolving requirements.in and requirements-dev.in ..."
	@.lock-venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header requirements-dev.in --output-file requirements-dev.lock
	@cp requirements-dev.lock requirements.lock
	@.lock-venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header requirements.in --output-file requirements.lock

clean: ## remove what was made here; the data in .xp stays
	@rm -rf $(VENV) .lock-venv .fuzz-venv .peers-venv .peers .compiled .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp carries the lock's checksum, not its date: a fresh clone has no dates worth comparing.
# xpledger itself is not installed: `xp` runs the checkout, before anything of the same name in site-packages.
$(STAMP): requirements-dev.lock Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "xpledger needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test ! -L $(VENV) || { \
		echo "$(VENV) is a link to $$(readlink $(VENV)): another checkout installs there. Remove the link to have one here." >&2; exit 1; }
	@if [ "$$(cat $(STAMP) 2>/dev/null)" != "$$(cksum < requirements-dev.lock) $(ROOT)" ]; then \
		echo "installing what requirements-dev.lock pins into $(VENV), once (about a minute) ..."; \
		$(PYTHON) -m venv --clear $(VENV) || { \
			echo "'$(PYTHON)' cannot make a virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
			--only-binary :all: -r requirements-dev.lock || exit 1; \
	fi
	@sed "s|@ROOT@|$(ROOT)|" tools/xp.sh > $(BIN)/xp && chmod +x $(BIN)/xp
	@echo "$$(cksum < requirements-dev.lock) $(ROOT)" > $(STAMP)
