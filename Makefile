# make solve   install into .venv and phase an example crystal
# make test    run the tests
# make lint    check style, types and import order
# make clean   remove what these made

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet
REPHASE := $(VENV)/bin/rephase

.PHONY: solve test lint install clean

solve: $(VENV)/.installed
	$(REPHASE) example -o example --force
	$(REPHASE) solve example/example.mtz --sequence example/example.fasta -o solved --force

test: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest -n auto --dist loadfile

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

install: $(VENV)/.installed

$(VENV)/.torch:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "rephase needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1)"; \
	  echo "type for example: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "installing into $(VENV): this takes a few minutes the first time"
	$(PYTHON) -m venv $(VENV)
	$(PIP) "$(TORCH)"
	@touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) example solved build dist
