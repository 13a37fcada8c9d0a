# Everything a fresh machine needs is installed into the checkout: uv into .uv/, the rest into .venv/.
SHELL := /bin/sh
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
ORG ?= nordlys
FORMAT ?= xlsx
PERIOD ?= 2025
# Each process has its own PostgreSQL.
PYTEST := $(BIN)/pytest -q -n logical --maxprocesses 8
# Tests of whole processes wait more than they compute: one more at a time than there are processors.
WAITING := $(BIN)/pytest -q --dist worksteal -n $$(n=$$(getconf _NPROCESSORS_ONLN); echo $$((n > 7 ? 8 : n + 1)))
SEEDED := tests/chaos/test_seeded_bugs.py tests/chaos/test_seeded_storage_bugs.py
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

.PHONY: help install demo up test check fast chaos violence bench lint types contracts unit db tidy flow format lock clean azurite foreign mutations verifier bench-verify bench-engine fuzz

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: .venv/.ok ## install everything from the lock file into the checkout

.uv/bin/uv:
	@python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .uv uv==0.13.9 \
		|| { python3 -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9; }

.venv/.ok: pyproject.toml requirements.lock $(filter .uv/%,$(UV))
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lading needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	@echo 'Installing into .venv from requirements.lock' >&2
	@test -x $(BIN)/python || $(UV) venv --quiet --python python3 .venv
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/.ok ## produce one example report: make demo ORG=nordlys FORMAT=xlsx|csv|tsv|json|ndjson|parquet|xml|pdf PERIOD=2025
	@$(BIN)/lading demo --organisation $(ORG) --format $(FORMAT) --period $(PERIOD)

up: .venv/.ok ## run database, API and workers on 127.0.0.1:8080 until Ctrl-C
	@exec $(BIN)/lading up

# Side by side: reading the code takes one processor, testing it the others.
check: .venv/.ok ## the fast part of the tests (aim: a minute)
	@$(MAKE) --no-print-directory -j4 fast types lint contracts

fast: .venv/.ok ## unit, db and tidy in one run
	@$(PYTEST) --dist worksteal tests/unit tests/db tests/tidy

lint: .venv/.ok
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet .

types: .venv/.ok
	@$(BIN)/basedpyright --level error

contracts: .venv/.ok
	@$(BIN)/lint-imports --no-cache > .venv/contracts.log 2>&1 || { cat .venv/contracts.log; exit 1; }

unit: .venv/.ok
	@$(PYTEST) --dist loadfile tests/unit

db: .venv/.ok
	@$(PYTEST) --dist worksteal tests/db

tidy: .venv/.ok
	@$(BIN)/pytest -q tests/tidy

flow: .venv/.ok ## whole exports, killed and resumed
	@$(WAITING) tests/flow tests/conformance

test: check ## everything
	@$(WAITING) tests/flow tests/conformance $(SEEDED)
	@$(MAKE) --no-print-directory violence

chaos: .venv/.ok ## 4 workers under kills, freezes, database restarts and wrong clocks: prints what was lost and doubled
	@$(PYTEST) --dist worksteal $(SEEDED)
	@$(MAKE) --no-print-directory violence

# One at a time: each is a crowd of processes by itself, and prints what became of it.
violence: .venv/.ok
	@$(BIN)/pytest -q -s tests/chaos --ignore-glob='*seeded*'

azurite: .azurite/.ok ## install what tests of kind azure talk to (needs npm); without it they are skipped

.azurite/.ok: tests/azurite/package.json tests/azurite/package-lock.json
	@mkdir -p .azurite && cp tests/azurite/package.json tests/azurite/package-lock.json .azurite/
	@cd .azurite && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

foreign: .foreign/.ok ## install the verifier from npm that tests of bundles compare us with; without it they are skipped

.foreign/.ok: tests/foreign/package.json tests/foreign/package-lock.json
	@mkdir -p .foreign && cp tests/foreign/package.json tests/foreign/package-lock.json .foreign/
	@cd .foreign && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

mutations: .venv/.ok ## change a bundle and a package in a million ways and print how many are missed (half an hour)
	@nice -n 15 $(BIN)/python tests/mutating.py

fuzz: .fuzz/.ok ## fuzz what opens packages, a million executions or RUNS of them (a quarter of an hour)
	@mkdir -p build/fuzz
	@nice -n 15 .fuzz/bin/python tests/fuzz/packages.py -runs=$(if $(RUNS),$(RUNS),1000000) -artifact_prefix=build/fuzz/ -print_final_stats=1 build/fuzz/corpus

.fuzz/.ok: tests/fuzz/requirements.lock $(filter .uv/%,$(UV))
	@test -x .fuzz/bin/python || $(UV) venv --quiet --python python3 .fuzz
	@$(UV) pip sync --quiet --python .fuzz/bin/python --require-hashes tests/fuzz/requirements.lock
	@touch $@

verifier: .venv/.ok ## build the offline verifier: build/lading-verify.pyz, and the wheel of its distribution
	@$(BIN)/python verifier/build.py build

bench: .venv/.ok ## measure exports next to psql COPY
	@$(BIN)/python bench/export.py

bench-engine: .venv/.ok ## measure the job engine beside others: make bench-engine ENGINES=lading,pgqueuer SUITES=throughput
	@$(BIN)/python bench/engine.py $(if $(ENGINES),--engines $(ENGINES)) $(if $(SUITES),--suites $(SUITES))

bench-verify: .venv/.ok ## measure the offline verifier on a million entries
	@$(BIN)/python bench/verify.py

format: .venv/.ok ## rewrite the code in the house style
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

lock: ## renew requirements.lock from pyproject.toml
	@$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra server --group dev pyproject.toml -o requirements.lock
	@$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra server --extra azure --extra duckdb --group build --constraint requirements.lock --no-annotate pyproject.toml -o deploy/container/requirements.lock

clean: ## forget what was installed (never touches .lading)
	@rm -rf .venv .uv .azurite .foreign .fuzz build
