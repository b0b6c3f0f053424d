# `make app` starts the app, `make test` checks everything, `make demo` runs the whole way headless.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run-installed
DEV := $(VENV)/.dev-installed

.PHONY: app demo test lint python-lint docs frontend bench bench-check bench-more fuzz bundled-model browser pins clean

app: $(RUN)
	$(BIN)/deepsxt app

demo: $(RUN)
	$(BIN)/deepsxt phantom --out outputs/sample.tif
	$(BIN)/deepsxt run outputs/sample.tif --out outputs --formats stl,obj,ply,vtp,glb

# What needs no other is made side by side.
test:
	$(MAKE) --jobs 2 lint browser
	@if command -v node >/dev/null; then cd frontend && npm test --silent; fi
	$(BIN)/python -m pytest --numprocesses 3 --no-loadscope-reorder

lint: python-lint docs frontend

python-lint: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The documentation as a site in build/docs: a broken link or anchor, or a page in no chapter, fails.
docs: $(DEV)
	$(BIN)/codespell
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --no-color build --strict

# What runs in the browser: types, lint, and whether the bundled libraries are what they should be.
frontend:
	@if ! command -v npm >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null; \
	fi
	@if command -v npm >/dev/null; then \
	  cd frontend && npm ci --silent && npm run check --silent; \
	else \
	  echo "No Node.js found: the checks of frontend/ are skipped. Install Node.js 18 or newer to run them."; \
	fi

# Ratios of one run, kept in docs/performance.md; `make bench SECTIONS="start surfaces"` measures these
# alone. `make bench-check` keeps nothing, and fails where a ratio has fallen by more than a fifth.
bench bench-check: $(DEV) browser
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BIN)/python -m benchmarks.suite $(SECTIONS) $(if $(filter bench-check,$@),--check)

# What stands in other pages of the documentation, or in none.
bench-more: $(DEV) browser
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BIN)/python benchmarks/segment_memory.py
	$(BIN)/python benchmarks/load_published.py
	$(BIN)/python benchmarks/surfaces.py --large
	$(BIN)/python -m benchmarks.accuracy
	$(BIN)/python -m benchmarks.step_planes
	$(BIN)/python -m benchmarks.paint_planes
	$(BIN)/python -m benchmarks.kill_server

# Ten thousand damaged files of all formats, as many models, and two thousand configurations; needs
# Linux, for its limits on time and memory. The models take about an hour.
fuzz: $(DEV)
	$(BIN)/python tests/io/fuzz_readers.py --files 10000
	$(BIN)/python -m tests.network.fuzz_models --what configurations --cases 2000
	$(BIN)/python -m tests.network.fuzz_models --cases 10000

# `make bundled-model REAL=FOLDER` fine-tunes on the labelled slices in FOLDER at the end.
bundled-model: $(RUN)
	$(BIN)/python -m tools.train_bundled_model --out assets/models/deepsxt-compact \
	  $(if $(REAL),--real "$(REAL)")

# Tests drive a real browser. Debian and Ubuntu as root get it here; elsewhere install Chromium
# or Chrome by hand.
browser: $(DEV) frontend
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	command -v google-chrome >/dev/null || \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	else \
	  echo "No Chromium found: the browser tests will be skipped. Install chromium to run them."; \
	fi

# `make pins` renews the hashes in requirements.txt after pyproject.toml has changed, for Python from
# 3.11 on Linux, macOS and Windows. Versions stay as they are there; `make pins UPGRADE=--upgrade`
# takes the newest ones, `UPGRADE="--upgrade-package NAME"` those of one package.
pins:
	$(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.8"
	build/pins/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --extra cluster --no-annotate --no-emit-find-links --no-emit-index-url \
	  --custom-compile-command "make pins" $(UPGRADE) --output-file requirements.txt pyproject.toml

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUN): $(BIN)/python requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUN) requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV) build outputs *.egg-info
