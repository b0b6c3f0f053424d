# `make app` starts the app, `make test` checks everything, `make demo` runs the whole way headless.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run-installed
DEV := $(VENV)/.dev-installed

.PHONY: app demo test lint bench fuzz bundled-model browser clean

app: $(RUN)
	$(BIN)/deepsxt app

demo: $(RUN)
	$(BIN)/deepsxt phantom --out outputs/sample.tif
	$(BIN)/deepsxt run outputs/sample.tif --out outputs --formats stl,obj,ply,vtp,glb

test: lint browser
	$(BIN)/python -m pytest

lint: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BIN)/python benchmarks/segment_memory.py
	$(BIN)/python benchmarks/load_published.py
	$(BIN)/python benchmarks/surfaces.py --large
	$(BIN)/python -m benchmarks.accuracy

# Ten thousand damaged files of all formats, as many models, and two thousand configurations; needs
# Linux, for its limits on time and memory. The models take about an hour.
fuzz: $(DEV)
	$(BIN)/python tests/io/fuzz_readers.py --files 10000
	$(BIN)/python -m tests.network.fuzz_models --what configurations --cases 2000
	$(BIN)/python -m tests.network.fuzz_models --cases 10000

# `make bundled-model REAL=FOLDER` fine-tunes on the labelled slices in FOLDER at the end.
bundled-model: $(RUN)
	$(BIN)/python -m deepsxt_core.training.bundled --out assets/models/deepsxt-compact \
	  $(if $(REAL),--real "$(REAL)")

# Tests drive a real browser. Debian and Ubuntu as root get it here; elsewhere install Chromium
# or Chrome by hand.
browser: $(DEV)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	command -v google-chrome >/dev/null || \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	else \
	  echo "No Chromium found: the browser tests will be skipped. Install chromium to run them."; \
	fi

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUN): $(BIN)/python requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(DEV): $(RUN) requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV) build outputs *.egg-info
