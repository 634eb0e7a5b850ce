# Two commands matter: `make demo` and `make test`. Both set up what they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS ?= all,dev

.PHONY: demo test bench docs lint sanitize clean

$(VENV)/ready: pyproject.toml constraints.txt hatch_build.py $(wildcard src/ungrid/kernels/native/*.cpp src/ungrid/kernels/native/*.h)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[$(EXTRAS)]'
	touch $@

demo: $(VENV)/ready
	$(BIN)/ungrid demo -o demo

test: $(VENV)/ready
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/ready
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[$(EXTRAS),docs]'
	$(BIN)/python -m sphinx -W -q docs build/docs

bench: $(VENV)/ready
	$(BIN)/python benchmarks/run.py -o benchmarks/results/pictures.json

sanitize: $(VENV)/ready
	$(BIN)/python -m ungrid.kernels.build --sanitize

clean:
	rm -rf $(VENV) build demo dist
