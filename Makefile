# Everything runs in .venv, which the first target that needs it makes. `make` alone lists the targets.
SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
ASIDE := $(wildcard tests examples benchmarks docs/extensions)

# Python 3.11 first: the pins are measured with it, and CPU builds of torch that are kept beside an index tend to be for one version only;
# for another, pip may take the CUDA build, which runs without a GPU but is gigabytes. `make PYTHON=...` overrides.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
FIND_PYTHON = for p in python3.11 python3 python3.12 python3.13; do $$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && exit; done; echo python3
PYTHON ?= $(shell $(FIND_PYTHON))

# The extra gpu, which asks for CUDA's libraries, is left out even where there is an NVIDIA driver: the same environment everywhere,
# and the plain onnxruntime-gpu of the extra dev runs everything on its CPU provider. `.venv/bin/pip install -e '.[gpu]'` adds them.
EXTRAS := train,plot,tensorboard,docs,dev

.PHONY: help demo test lint types docs links unit hosts format bench gpu-check fidelity clean distclean
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(READY) ## train, export and stream the Japanese Vowels network
	$(PY) examples/japanese_vowels/demo.py

test: lint types docs unit ## lint, types, documentation and every test

lint: $(READY) ## ruff: rules and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

# mypy and mkdocs find exporters/ and runtime/ inside rnngraph through links; they are made anew so that none outlives its file.
links:
	@rm -rf .types && mkdir -p .types/rnngraph && cd .types/rnngraph && ln -s ../../rnngraph/* ../../exporters ../../runtime .

types: $(READY) links ## mypy, strict
	$(PY) -m mypy .types/rnngraph $(ASIDE)

docs: $(READY) links ## write the documentation into site/; a link that leads nowhere fails
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build

# A process for each core, at most eight, each with one thread: more threads than cores wait for each other. `make unit WORKERS=0` runs in one process.
WORKERS ?= auto
unit: $(READY) hosts ## pytest
	OMP_NUM_THREADS=1 $(PY) -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal

# Where there is no npm, or its registry is out of reach, the tests of that program are skipped, and say so. Its onnxruntime is in the package.
NODE := examples/hosts/javascript
hosts: $(NODE)/node_modules/.package-lock.json ## install what the host in JavaScript needs
$(NODE)/node_modules/.package-lock.json: $(NODE)/package-lock.json
	@-cd $(NODE) && command -v npm >/dev/null && ONNXRUNTIME_NODE_INSTALL=skip npm ci --no-audit --no-fund --ignore-scripts --fetch-retries=1 --fetch-timeout=60000

format: $(READY) ## let ruff write the format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(READY) ## measure against peers, in ratios
	$(PY) -m benchmarks.run

# It needs CUDA's libraries too, which the environment has not: `.venv/bin/pip install -e '.[gpu]'`, and torch's CUDA build for its peers.
gpu-check: $(READY) ## check and measure exported files on a GPU
	$(PY) -m benchmarks.gpu_check

fidelity: $(READY) ## write docs/fidelity.md from the DL4J goldens
	$(PY) -m benchmarks.fidelity

# The stamp names this folder: an environment that was copied along with its clone would run the code of the old place.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif
$(READY): pyproject.toml setup.py constraints.txt rnngraph/data/_csv.c
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "rnngraph needs CPython 3.11, 3.12 or 3.13, but '$(PYTHON)' is: $$($(PYTHON) --version 2>&1). \
	Install one of these, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -e /proc/driver/nvidia || command -v nvidia-smi >/dev/null || echo "No NVIDIA driver here. If pip fetches nvidia-* libraries below, its index \
	has only torch's CUDA build: that works, but is gigabytes; PIP_EXTRA_INDEX_URL can name PyTorch's index of CPU builds."
	$(PY) -c '$(SUPPORTED)' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	$(PY) -m pip install --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@echo "$(CURDIR)" > $@

clean: ## remove what the targets made, but not the environment
	rm -rf .types site .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info examples/*/out $(NODE)/node_modules

distclean: clean ## remove the environment too
	rm -rf $(VENV)
