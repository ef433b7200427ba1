# One virtual environment, made once: .venv. Every line is also given in plain pip in README.md.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo lab test lint bench soak clean

demo: $(READY)
	$(BIN)/orgscope demo

lab: $(READY)
	$(BIN)/orgscope lab

test: $(READY)
	$(BIN)/python -m pytest -q --nbval-lax --nbval-cell-timeout=60 notebooks
	$(BIN)/python -m pytest -q -p no:nbval

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

soak: $(READY)
	$(BIN)/python -m pytest -q -p no:nbval -m soak

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $(READY)

clean:
	rm -rf .venv build dist
