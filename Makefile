# Méreau: `make demo` shows it, `make test` proves it. Both set up everything they need.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NPM_READY := node_modules/.package-lock.json
PYTEST := $(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

# Python keeps what it compiled: the tests start hundreds of processes
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo scaled test browser collected lint soak bench year gallery setup clean translations contract prove

help: ## say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.demo ## real baskets, settled, audited and served on this machine
	$(BIN)/mereau demo

scaled: $(VENV)/.test $(NPM_READY) ## every part a process of its own: PostgreSQL, a node, signer, two workers, two web services; ROLL=--roll replaces each under load
	$(BIN)/python -m scripts.scaled $(ROLL)

test: $(VENV)/.test $(NPM_READY) ## everything: rules, ledger, chain, pages, PostgreSQL, browser
	@$(MAKE) --no-print-directory --jobs 3 --output-sync lint browser collected
	$(PYTEST) -m "not soak"

browser: ## install the browser that the tests drive
	./scripts/install_chromium.sh

# pytest writes the assertions of each file anew the first time: once here, not once in each of its processes
collected: $(VENV)/.test ## let pytest write what it makes of the test files, once for all its processes
	@$(BIN)/pytest --collect-only -q >/dev/null

lint: $(VENV)/.test ## format, lint, types and the arrows between the rooms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: setup ## the slow tests
	SOAK_LIVES=$${SOAK_LIVES:-150} $(PYTEST) -m soak --timeout 3600

bench: $(VENV)/.test $(NPM_READY) ## figures of this machine, each beside a floor or a rival
	$(BIN)/python -m scripts.bench

year: $(VENV)/.test ## one year of real baskets under rules: docs/year.md and its drawing
	$(BIN)/python -m scripts.year

gallery: $(VENV)/.test browser ## pictures of every page of a demo, in var/gallery
	$(BIN)/python -m scripts.gallery

setup: $(VENV)/.test $(NPM_READY) .venv-analysis/.ready ## install all that developing needs

prove: setup ## forge, halmos and slither over the contract, and the record of it
	$(BIN)/pytest -n 0 -m soak tests/contracts/test_tools.py
	$(BIN)/python scripts/record_proofs.py

contract: setup ## compile the contract again and write the build output
	$(BIN)/python scripts/build_contract.py

translations: $(VENV)/.test ## compile web/translations
	$(BIN)/python scripts/compile_translations.py

clean: ## remove what make installed
	rm -rf $(VENV) .venv-analysis node_modules

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Méreau needs Python 3.11 or newer; name one with make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/.demo

# `npm ci` refuses a lock without the packages of platforms that the registry does not have
$(NPM_READY): package.json package-lock.json
	@node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)' || { echo "The tests need Node 20 or newer"; exit 1; }
	npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

.venv-analysis/.ready: scripts/analysis_venv.sh
	PYTHON=$(PYTHON) ./scripts/analysis_venv.sh
	@touch $@
