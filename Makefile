# `make` alone shows what there is.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SHELL  := bash
.SHELLFLAGS := -o pipefail -c

# A line of pip's now and then: none would look like a hang, and all are hundreds.
TELL := awk '/^Collecting/ && ++n % 40 == 0 {print "  " n " packages found"; fflush()} \
  /^Installing collected/ {print "  installing them takes a minute or two"; fflush()}'

# A file's tests stay together: some of them tell one story, or share a server. Files come in the
# order of their names: by their number of tests, those of one long test would be left for the end.
# The slow ones often wait for servers: a third worker uses the two cores meanwhile.
TOGETHER := --dist loadfile --no-loadscope-reorder

# No telemetry, no questions, from any tool that a target starts.
export DO_NOT_TRACK = 1
export DVC_NO_ANALYTICS = 1
export MLFLOW_DISABLE_TELEMETRY = true
export PREFECT_SERVER_ANALYTICS_ENABLED = false
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help venv run quick test lint up bench clean

help:  ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

venv: $(STAMP)  ## Make the virtual environment from constraints.txt

$(STAMP): constraints.txt pyproject.toml
	@echo "making $(VENV): about 280 packages, a few minutes the first time"
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install torch==2.13.0 --constraint constraints.txt | $(TELL)
	@$(BIN)/python -m pip install --editable '.[dev,pcap]' --constraint constraints.txt | $(TELL)
	@touch $@

run: venv  ## Train on simulated traffic, then check for drift
	@$(BIN)/python -m oddwire.cli.tour

quick: venv  ## Run the fast tests
	@$(BIN)/python -m pytest -q -n 2 $(TOGETHER) -m "not slow"

test: venv  ## Run all tests
	@$(BIN)/python -m pytest -n 3 $(TOGETHER) --cov --cov-report=term --cov-fail-under=95

lint: venv  ## Check style, types and imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@git ls-files -z | xargs -0 $(BIN)/codespell
	@$(BIN)/mypy
	@$(BIN)/lint-imports

up: venv  ## Start the Prefect and MLflow pages and the served flows
	@$(BIN)/oddwire up

bench: venv  ## Measure against PyOD's detectors, and write docs/benchmarks.md
	$(BIN)/python -m pip install --quiet --editable '.[bench]' --constraint constraints.txt
	@$(BIN)/python benchmarks/peers.py

clean:  ## Remove the virtual environment and caches; data, models and the ledger stay
	rm -rf $(VENV) data/work data/logs .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache .coverage
