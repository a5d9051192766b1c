# The two commands for a newcomer: `make eval`, `make test`. Both do all the set-up that they need.
-include .env
export

PYTHON ?= python3
MODEL ?= oracle
SUITE ?= core
ARGS ?=

VENV := .venv
HARNESS := $(VENV)/bin/harness

.DEFAULT_GOAL := help
.PHONY: help setup eval test check lint format typecheck doctor validate clean

PIP := $(VENV)/bin/python -m pip --quiet --disable-pip-version-check
# uv takes a tenth of pip's time; where it cannot reach what pip is set up to reach, pip does it.
install = $(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --editable $(1) 2>/dev/null || $(PIP) install --editable $(1)

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: $(VENV)/.installed ## the virtual environment with all that is needed to work on it

$(VENV)/.usable: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or later is needed; give PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "error: $(PYTHON) has no venv module: on Debian, apt-get install python3-venv" >&2; rm -rf $(VENV); exit 2; }
	@echo "installing into $(VENV)"
	@$(PIP) install uv
	@$(call install,'.[leaderboard]')
	@touch $@

$(VENV)/.installed: $(VENV)/.usable
	@echo "installing what its tests and checks need"
	@$(call install,'.[dev]')
	@touch $@

eval: $(VENV)/.usable ## run a model on a suite: make eval MODEL=http://localhost:8000/v1 (default: the built-in oracle)
	@$(HARNESS) eval --model '$(MODEL)' --suite '$(SUITE)' --report $(ARGS)

test: setup ## all tests, in parallel; those of Docker where a daemon answers
	@$(VENV)/bin/python -m pytest --numprocesses=auto $(ARGS)

check: lint typecheck ## formatting, lint, layers, types

lint: setup ## ruff and import-linter
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/lint-imports

format: setup ## format the code
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

typecheck: setup ## mypy --strict
	@$(VENV)/bin/mypy

doctor: $(VENV)/.usable ## what is missing on this machine
	@$(HARNESS) doctor $(ARGS)

validate: $(VENV)/.usable ## every task of the suite: gold resolves, no patch does not
	@$(HARNESS) tasks validate --suite '$(SUITE)' --repeats 3 $(ARGS)

clean: ## remove the virtual environment; runs are kept
	@rm -rf $(VENV)
