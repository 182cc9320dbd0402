# Each target sets up what it needs inside .venv, and installs again only after pyproject.toml or this
# file has changed. Needed beforehand: make and Python >= 3.11. Another interpreter: make test PYTHON=...

PYTHON ?=
SIZES ?= full

VENV := .venv
PY := $(VENV)/bin/python
# A stamp belongs to this folder: an environment copied here with a checkout is installed anew, since its
# editable install would still import the other checkout.
STAMP := $(VENV)/.installed-$(shell pwd | cksum | cut -d' ' -f1)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
# The user's own settings stay out of .venv.
export PIP_USER := 0
unexport PIP_PREFIX PIP_TARGET PYTHONHOME PYTHONPATH

# One BLAS thread: two test workers would otherwise fight for the cores. No window opens from a test.
TEST_ENV := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 MPLBACKEND=Agg
PYTEST := $(TEST_ENV) $(PY) -m pytest -q -n auto --maxprocesses 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-slow test-browser lint format bench compare compare-peers docs pictures clean

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' $(MAKEFILE_LIST) | \
	while read -r target text; do printf '  make %-14s %s\n' "$$target" "$$text"; done

demo: $(STAMP)-demo ## train the softmax network of examples/
	$(PY) examples/softmax_network.py

test: lint ## lint, check types, run the tests
	$(PYTEST)

test-slow: $(STAMP)-dev ## run the tests marked slow
	$(PYTEST) -m slow

# An installed Chromium or Chrome is used (Debian and Ubuntu: apt install chromium); else Playwright's own.
test-browser: $(STAMP)-dev $(STAMP)-browser ## run the tests of the interactive page in headless Chromium
	@$(PY) -m tests.browser.chromium || $(PY) -m playwright install chromium
	$(TEST_ENV) $(PY) -m pytest -q -m browser tests/browser

lint: $(STAMP)-dev ## ruff and mypy, changing nothing
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

format: $(STAMP)-dev ## sort imports, apply ruff's safe fixes and its format
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

# Peers are timed where they can be imported. To add them: .venv/bin/python -m pip install -e '.[bench]'
bench: $(STAMP)-demo ## time the core, beside the peers that are installed
	$(TEST_ENV) $(PY) benchmarks/core.py

compare: $(STAMP)-fast ## time all solvers on all workloads (20 minutes; in four: SIZES=quick)
	$(TEST_ENV) $(PY) benchmarks/compare_solvers.py --sizes $(SIZES)

compare-peers: $(STAMP)-fast ## time the same functions beside the peers that are installed
	$(TEST_ENV) $(PY) benchmarks/compare_peers.py

docs: $(STAMP)-docs ## build the documentation into site/
	$(PY) -m mkdocs build --strict

pictures: $(STAMP)-dev ## draw the pictures of README.md again
	$(TEST_ENV) $(PY) docs/scripts/pictures.py

clean: ## remove all that make made, .venv included
	find . -path ./.git -prune -o -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist site benchmarks/out

$(STAMP)-%: pyproject.toml Makefile | $(PY)
	$(PY) -m pip install -q -e '.[$*]'
	@touch $@

# The first interpreter that runs, is new enough and has venv. A name on PATH proves nothing (pyenv leaves
# shims behind that only print an error), so each is tried, also those that an earlier folder shadows.
$(PY):
	@usable() { "$$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }; \
	found=; \
	if [ -n '$(PYTHON)' ]; then \
	    if usable '$(PYTHON)'; then found='$(PYTHON)'; fi; \
	else \
	    IFS=:; \
	    for name in python3.13 python3.12 python3.11 python3; do \
	        for folder in $$PATH; do \
	            if [ -z "$$found" ] && usable "$$folder/$$name"; then found="$$folder/$$name"; fi; \
	        done; \
	    done; \
	fi; \
	if [ -z "$$found" ]; then \
	    echo 'make: no Python >= 3.11 with the modules venv and ensurepip$(if $(PYTHON), at PYTHON=$(PYTHON)).' >&2; \
	    echo 'Install one (Debian and Ubuntu: also python3-venv), or name it: make PYTHON=/path/to/python3' >&2; \
	    exit 1; \
	fi; \
	echo "$$found -m venv $(VENV)"; \
	"$$found" -m venv --clear $(VENV)
