# The two commands are `make demo` and `make test`; everything they need is set up by themselves.
PYTHON  ?= python3
VENV    ?= .venv
SECONDS ?= 600
DATA    ?= ../shared/data
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast lint format bench bench-provenance bench-guard eval-guard fuzz lock clean

help:  ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: $(STAMP)  ## Create the virtual environment with everything in it

# torch comes first and pinned: resolving it together with the rest could pull gigabytes of CUDA.
$(STAMP): pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' $(patsubst %/pyproject.toml,-e ./%,$(wildcard plugins/*/pyproject.toml))
	touch $@

demo: $(STAMP)  ## The main job, end to end, on real input (under two minutes after installation)
	$(BIN)/govkernel demo

test: $(STAMP)  ## All tests
	$(BIN)/python -m pytest

test-fast: $(STAMP)  ## Tests without those marked slow
	$(BIN)/python -m pytest -m 'not slow'

lint: $(STAMP)  ## Style, types, import arrows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## Rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## Benchmarks, each beside a peer, printed as ratios
	$(BIN)/python -m tests.benchmarks

bench-provenance: $(STAMP)  ## Hashing, signing, verifying, beside SHA-256, model-signing and sigstore-python
	$(BIN)/python -m tests.benchmarks provenance

bench-guard: $(STAMP)  ## Screening, beside Presidio and transformers
	$(BIN)/python -m tests.benchmarks guard

eval-guard: $(STAMP)  ## How right the guard is, on the labelled sources in DATA
	$(BIN)/python -m tests.eval.guard $(DATA)

fuzz: $(STAMP)  ## Feed every parser of strangers' bytes for SECONDS=600 each
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	$(BIN)/python tests/provenance/fuzz_parsers.py $(SECONDS)

lock: $(STAMP)  ## Refresh constraints.txt from what is installed
	$(BIN)/python -m pip freeze --exclude-editable | grep -v '^torch==' > constraints.txt

clean:  ## Remove what the other targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
