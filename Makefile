# The two commands: make run, make test. `make help` lists the rest.
# The first that runs and is new enough; make PYTHON=python3.13 takes another.
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
UV_FLAGS := --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --no-strip-extras --python-version 3.11 --quiet

# Kept: without it each process of tests would compile all of them anew, half of its first ten seconds.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run test coverage setup check fix clients docs mutants lock clean

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

.venv/.run: requirements/run.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python of 3.11 or later is there: install one, or say make PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || { echo "making .venv with $(PYTHON) ..."; $(PYTHON) -m venv .venv; }
	@echo "installing what the server needs (once, a minute or two) ..."
	@$(PIP) -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.run requirements/dev.txt
	@echo "installing what the tests need (once, a minute or two) ..."
	@$(PIP) -r requirements/dev.txt
	@touch $@

run: .venv/.run ## set up and serve on http://127.0.0.1:8000
	@exec $(BIN)/dcrserver serve

setup: .venv/.dev ## virtual environment with pinned dependencies

test: .venv/.dev ## the whole suite
	@$(BIN)/python -m pytest

coverage: .venv/.dev ## the same, with what it covers; fails below the floor
	@$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

check: .venv/.dev ## lint, types, import contracts, migrations, generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q --no-cov -m migrations
	$(BIN)/python tests/conformance.py --check
	$(BIN)/python docs/make.py --check
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docs/deploy/compose.yaml

fix: .venv/.dev ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/.dev ## generate what is generated in docs/
	$(BIN)/python tests/conformance.py
	$(BIN)/python docs/make.py

clients: .venv/.dev ## clients in Java, Go, Rust, TypeScript and Python (Rust is built for minutes, once)
	@DCR_TEST_TOOLCHAINS=required DCR_TEST_RUST=1 $(BIN)/python -m pytest -q --no-cov -n 0 tests/clients

mutants: .venv/.dev ## mutation testing of policies and software statements (a quarter of an hour)
	@for area in policies software_statements; do \
		PYTHONPATH=src:tests $(BIN)/python tests/mutation/run.py $$area || failed=1; done; test -z "$$failed"

lock: ## pin dependencies anew (needs uv)
	uv pip compile $(UV_FLAGS) --extra setup pyproject.toml -o requirements/run.txt
	uv pip compile $(UV_FLAGS) --extra setup --extra dev pyproject.toml -o requirements/dev.txt

clean: ## remove what was installed or generated
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
