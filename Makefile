# Everything from a fresh clone: needs Python 3.11 to 3.13, pip, make and git; uv where it is there.

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
UV = $(firstword $(shell command -v uv 2>/dev/null) $(BIN)/uv)

# The home that `make ui` shows: your own, or the demo's when only that exists.
OWN_HOME := $(or $(NRR_HOME),.nrr)
HAS_OWN := $(NRR_HOME)$(NRR_DATABASE_URL)$(wildcard .nrr/nrr.db)
HOME_DIR ?= $(if $(HAS_OWN),$(OWN_HOME),$(if $(wildcard .nrr/demo/nrr.db),.nrr/demo,$(OWN_HOME)))
HOME_PATH = $(abspath $(HOME_DIR))
PORT ?= 3000
WORKERS ?= 3

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test ui lint lock

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/installed ## Run the whole pipeline on a simulated Stripe account
	@$(BIN)/python -m nrr_pipeline.demo --home .nrr/demo

test: $(VENV)/installed-dev ## Run every test (WORKERS=… at a time)
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

ui: $(VENV)/installed ## Open the Dagster UI on 127.0.0.1:3000 (HOME_DIR=… chooses the home)
	@mkdir -p "$(HOME_PATH)/dagster"
	@test -f "$(HOME_PATH)/dagster/dagster.yaml" || cp dagster.yaml "$(HOME_PATH)/dagster/dagster.yaml"
	@echo "The Dagster UI over $(HOME_PATH) opens on http://127.0.0.1:$(PORT) in half a minute; Ctrl-C ends it."
	@NRR_HOME="$(HOME_PATH)" NRR_UI_URL="http://127.0.0.1:$(PORT)" DAGSTER_HOME="$(HOME_PATH)/dagster" PATH="$(abspath $(BIN)):$$PATH" \
		PYTHONWARNINGS='ignore:Function `dev_command`' $(BIN)/dagster dev --host 127.0.0.1 \
		--port $(PORT) --workspace workspace.yaml --log-level warning

lint: $(VENV)/installed-dev ## Check style, types and which room imports which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/lint-imports

lock: $(VENV)/installed ## Resolve the dependencies anew into the committed locks
	@printf 'setuptools>=80\n' | $(UV) pip compile $(RESOLVE) pyproject.toml - -o requirements.lock
	@$(UV) pip compile $(RESOLVE) --group dev -c requirements.lock -o requirements-dev.lock

RESOLVE = --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-strip-extras

INSTALL = $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python

$(VENV)/installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version); once, this takes a minute"
	@$(PYTHON) -m venv --without-pip $(VENV)
	@command -v uv >/dev/null || test -x $(BIN)/uv \
		|| $(PYTHON) -m pip --quiet --python $(BIN)/python install uv==$(UV_VERSION)
	@$(INSTALL) --require-hashes --requirement requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	@echo "Adding the tools for tests to $(VENV)"
	@$(INSTALL) --require-hashes --requirement requirements-dev.lock
	@touch $@
