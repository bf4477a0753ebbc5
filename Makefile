# Each target sets up what it needs, in .venv.  PYTHON=… chooses an interpreter (3.11 to 3.13).
BIN := .venv/bin
# Tests that load TensorFlow, which never gives memory back, have their own processes, of all tests
# those that export from it others; tests that watch a clock run alone. All share one trained run.
KERAS := tests/models tests/training
EXPORT := $(patsubst %,tests/registry/test_%.py,export_model hub int8 model_zoo openvino_export)
ALONE := tests/e2e tests/vision/live
IN_TWO := -n 2 --dist loadfile --no-loadscope-reorder
define run-tests
	set -e; export EMOTION_TRAINED=$$(mktemp -d)/trained; \
	trap 'rm -rf "$$(dirname "$$EMOTION_TRAINED")"' EXIT; \
	$(BIN)/pytest $(IN_TWO) $(patsubst %,--ignore=%,$(KERAS) $(EXPORT) $(ALONE)) $(1); \
	for part in $(2); do $(BIN)/pytest $(IN_TWO) $$part $(1); done; \
	$(BIN)/pytest $(ALONE) $(1)
endef
SHELL := bash
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
CHROMIUM := from playwright.sync_api import sync_playwright as start; \
	p = start().start(); print(p.chromium.executable_path); p.stop()
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c "$(FITS)" 2>/dev/null && echo $$p && break; done)

.PHONY: run test test-all check fuzz bench images browser servers

run: .venv/installed
	$(BIN)/streamlit run dashboard/Home.py

test: .venv/installed-dev browser
	@$(call run-tests,-m "not slow" --ignore=tests/fuzz,"$(KERAS) $(EXPORT)")

test-all: .venv/installed-dev browser servers
	@$(call run-tests,,"$(KERAS)" "$(EXPORT)")

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fuzz: .venv/installed-dev
	EMOTION_FUZZ_S=600 EMOTION_FUZZ_SEED=$$RANDOM $(BIN)/pytest tests/fuzz

bench: .venv/installed-dev
	set -e; for script in benchmarks/*.py; do $(BIN)/python $$script; done

images: .venv/installed-dev browser
	$(BIN)/python -m tests.e2e.images

browser: .venv/installed-dev
	@command -v chromium >/dev/null || [ -x "$$($(BIN)/python -c "$(CHROMIUM)")" ] || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium; \
	else $(BIN)/playwright install chromium; fi

# What stands before the dashboard on a server: the test of it is skipped where they are absent.
# systemd would start them as services, a web server on port 80 among them: there they are not installed.
servers:
	@for package in caddy coturn; do \
		command -v $${package/coturn/turnserver} >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && [ ! -d /run/systemd/system ] && apt-get -qq update && \
			apt-get -qq install -y --no-install-recommends $$package; } || \
		echo "$$package is not installed: tests/e2e/test_server.py is skipped."; \
	done

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 to 3.13 is needed: make run PYTHON=path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# tf2onnx has packages named `tests` and `tools`: for the tests it is in a folder of its own.
.venv/installed-dev: requirements-dev.txt .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --no-deps \
		--target .venv/onnx tf2onnx==1.17.0
	@touch $@
