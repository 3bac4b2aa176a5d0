# Every command of the project. Variables one may set: PYTHON (the interpreter to use), VENV (where it is installed),
# TESTS (what to test, for example TESTS=tests/odata), PYTEST_OPTIONS.

VENV ?= .venv
TESTS ?= tests
PYTEST_OPTIONS ?=
export VENV PYTHON

BIN := $(VENV)/bin
RUN_COMMAND := $(BIN)/enrollscope serve --sample
BENCH_COMMAND := $(BIN)/python -m bench

.DEFAULT_GOAL := help
.PHONY: help run test check static bench bench-postgres lock format environment-run environment-dev postgresql pgbouncer conformance

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: environment-run ## Install and start the service on 127.0.0.1:8080 with sample events
	@$(RUN_COMMAND)

check: static postgresql pgbouncer ## The quick loop: format, lint, types, import rules, fast tests
	$(BIN)/python -m pytest -n auto -m "not slow" --hypothesis-profile=quick $(PYTEST_OPTIONS) $(TESTS)

test: static postgresql pgbouncer ## Everything that must pass
	$(BIN)/python -m pytest -n auto --no-skips $(PYTEST_OPTIONS) $(TESTS)

static: environment-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy src tests bench deploy
	$(BIN)/lint-imports

bench: environment-dev ## Measure speed and print it as ratios
	@scripts/wrk
	$(BENCH_COMMAND)

conformance: environment-dev ## Ask about each requirement of OData, and write docs/conformance.md
	$(BIN)/python -m tests.conformance_page

bench-postgres: environment-dev postgresql ## The same on a PostgreSQL of its own, beside the bare database and SAP CAP
	@scripts/wrk
	$(BENCH_COMMAND) postgres postgres-growth

format: environment-dev ## Format the code and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# No registry is named in a lock: each machine's own configuration says where packages come from.
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade
lock: environment-dev ## Write the lock files anew, with the newest versions
	$(LOCK) --group build --output-file requirements/run.lock
	$(LOCK) --group build --group dev --constraint requirements/run.lock --output-file requirements/dev.lock

postgresql:
	@scripts/postgresql

pgbouncer:
	@scripts/pgbouncer

environment-run:
	@scripts/environment run

environment-dev:
	@scripts/environment dev
