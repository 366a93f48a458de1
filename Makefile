# The commands do all the set-up; a second run of any installs nothing.

VENV := .venv
LEGACY := .venv-legacy
OLDEST := .venv-oldest
BIN := $(VENV)/bin
SUPPORTED = import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))
PIP_ARGS ?=
PYTHON ?= $(shell for python in python3 python3.12 python3.11 python3.10; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)

.PHONY: demo test test-slow test-legacy test-oldest lint clean

demo: $(VENV)/.installed  ## cut the subject out of an embedded picture; the results are in out/
	$(BIN)/omz_demo -o out

test: lint  ## what must hold, but for what takes long
	$(BIN)/pytest -m "not slow"

test-slow: $(VENV)/.installed-test  ## what takes long
	$(BIN)/pytest -m slow

test-legacy: $(VENV)/.installed-test $(LEGACY)/.installed  ## compare with Open Model Zoo's own tools
	OMZ_LEGACY_PYTHON=$(CURDIR)/$(LEGACY)/bin/python $(BIN)/pytest -m legacy

test-oldest: $(OLDEST)/.installed  ## whatever needs OpenVINO, with the oldest release that is supported
	$(OLDEST)/bin/pytest -m "not slow" tests/convert tests/runtime tests/cli tests/models tests/omz_demo tests/test_published_graph.py

lint: $(VENV)/.installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean:  ## remove the environment and what the demo wrote
	rm -rf $(VENV) $(LEGACY) $(OLDEST) out

$(VENV)/.installed: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: Python 3.10, 3.11 or 3.12 is needed; install one, or name it: make PYTHON=..."; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --editable '.[test,mindspore,int8]'
	touch $@

$(LEGACY)/.installed:
	$(PYTHON) -m venv $(LEGACY)
	$(LEGACY)/bin/python -m pip install --quiet $(PIP_ARGS) openvino-dev==2024.6.0
	touch $@

$(OLDEST)/.installed: requirements.txt pyproject.toml
	test -x $(OLDEST)/bin/pip || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet $(PIP_ARGS) --editable '.[test,mindspore]' openvino==2024.6.0
	touch $@
