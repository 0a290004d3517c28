# Two commands do everything on a fresh machine: `make demo` and `make test`.
# PIP_ARGS reaches every pip call, e.g. PIP_ARGS="--index-url https://my.mirror/simple", or, where PyPI's torch is the CUDA
# build and the CPU one will do, PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu".
PYTHON ?= python3
VENV ?= .venv
VENV_TF ?= .venv-tf
VENV_OTHER ?= .venv-$(notdir $(PYTHON))
PIP_ARGS ?=
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHECK_PYTHON = $(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v < (3, 11) and "isacsim needs Python 3.11 or newer, but $(PYTHON) is %d.%d: call make PYTHON=python3.11" % v)'

.PHONY: setup demo demo-resume test test-generic test-python test-tensorflow fuzz lint bench docs validate figures weights wheel wheel-check clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	@echo "Setting up $(VENV): pip installs isacsim and what its tests need, without further output; this takes 2 to 10 minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/isacsim demo --output out/demo.html
	$(BIN)/dira demo --output out/dira.html

# A data set killed five times with SIGKILL and resumed has the same bits as one made in one go.
demo-resume: $(READY)
	$(BIN)/python -m isacsim.validation.resume_demo

# Two processes, each with one thread for its kernels: threads of both would fight over two cores.
test: $(READY)
	NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

# The numerical tests as another processor would: nothing fused, sums in another order (tests/other_processor.py).
test-generic: $(READY)
	NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m tests.other_processor -m numerical -n 2 --dist loadfile

# What needs no torch, in another Python: make test-python PYTHON=python3.13.
test-python: $(VENV_OTHER)/.ready
	NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 $(VENV_OTHER)/bin/python -m pytest -n 2 --dist loadfile --ignore tests/dira

$(VENV_OTHER)/.ready: pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	@echo "Setting up $(VENV_OTHER): pip installs isacsim and what its tests need, without further output; this takes minutes."
	$(PYTHON) -m venv $(VENV_OTHER)
	$(VENV_OTHER)/bin/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt -e '.[test]'
	@touch $@

# TensorFlow is 1.3 GB and wanted by few: an environment of its own.
test-tensorflow: $(VENV_TF)/.ready
	$(VENV_TF)/bin/python -m pytest tests/dataset/test_tf_data.py tests/docs/test_interchange_page.py

$(VENV_TF)/.ready: pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	@echo "Setting up $(VENV_TF): pip installs isacsim and TensorFlow (1.3 GB), without further output; this takes minutes."
	$(PYTHON) -m venv $(VENV_TF)
	$(VENV_TF)/bin/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt -e '.[tensorflow,test]'
	@touch $@

# Damaged captures, scenarios, stores, models and checkpoints: minutes. A fault goes into tests/fuzz/corpus: commit it.
CASES ?= 1000
fuzz: $(READY)
	$(BIN)/python -m tests.fuzz.runner --cases $(CASES) $(if $(SEED),--seed $(SEED))

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The weights that come with dira (dira/weights/record.json): hours without a GPU; goes on where it was stopped.
weights: $(READY)
	$(BIN)/python -m dira.pretraining.make_weights

wheel: $(READY)
	$(BIN)/python -m pip wheel --quiet $(PIP_ARGS) --no-deps --wheel-dir out/wheel .

# The wheel in a clean environment without the repository: commands, both demos, links and pictures of the pages.
wheel-check: wheel
	$(BIN)/python -m tests.wheel_check out/wheel $(PIP_ARGS)

bench: $(READY)
	$(BIN)/python -m pytest benchmarks --benchmark-enable --benchmark-only -p no:cacheprovider

# The site, into out/site: tutorials are run, warnings are errors, every link within it is followed. No network is needed.
docs: $(READY)
	NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -b html -d out/doctrees -W --keep-going -q docs out/site
	$(BIN)/python docs/check_site.py out/site

# All studies in full: two hours on one core (docs/validation.md); each alone: isacsim validate STUDY.
validate: $(READY)
	$(BIN)/isacsim validate all --output docs/results/validation

# Numbers of README.md and docs/ from the tables in docs/results/, the pictures of docs/images/, and the studies' figures
# from their tables. Alone: python -m docs.figures numbers | pictures | studies.
figures: $(READY)
	$(BIN)/python -m docs.figures

clean:
	rm -rf out build docs/tutorials docs/api/commands.md docs/api/scenario_fields.md docs/api/generated docs/api/backreferences docs/results/studies .pytest_cache .mypy_cache .ruff_cache .hypothesis
