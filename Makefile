# make setup | quick | test | lint | docs | demo | clean    PYTHON=... picks the interpreter (3.11 or newer)
#
# quick takes about a minute on two quiet cores, test 20 minutes; test also installs the tools that only
# some tests need (the extra `ci`), everything else only those of the extra `dev`.

.DELETE_ON_ERROR:
.PHONY: setup quick test lint docs demo clean

VENV := .venv
BIN := $(VENV)/bin
DEMO := demo-data
# Called by name only when it answers: a version manager's shim can exist without its Python.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

setup: $(VENV)/.installed

# sam2 comes as source and is built against torch, so torch has to be there first.
$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt pip setuptools wheel torch torchvision
	SAM2_BUILD_CUDA=0 $(BIN)/python -m pip install -q -c constraints.txt --no-build-isolation sam2
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	touch $@

$(VENV)/.installed-ci: $(VENV)/.installed
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[ci]'
	touch $@

# No test that needs a cluster, fewer examples of each property, a process for each core up to four.
quick: lint
	$(BIN)/python -m pytest -q -m 'not slow and not cluster' --hypothesis-profile=quick -n auto --maxprocesses=4 --durations=5

test: $(VENV)/.installed-ci lint
	$(BIN)/python -m pytest -n auto --maxprocesses=4

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_map.py

demo: setup
	$(BIN)/autorefiner demo $(DEMO)
	$(BIN)/autorefiner run $(DEMO) --config configs/demo.yaml
	$(BIN)/autorefiner evaluate $(DEMO)

clean:
	rm -rf $(DEMO) build dist *.egg-info
