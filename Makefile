PYTHON ?= python3
BIN := .venv/bin
# Debian keeps the broker in /usr/sbin, which is not on everybody's path.
export PATH := $(PATH):/usr/sbin
export PYTHON

.DELETE_ON_ERROR:
.PHONY: help demo test check bench lock lock-check docs docs-check needs mosquitto systemd clean

help:
	@echo 'make demo    run a whole simulated site; ARGS="--speed 10" passes options'
	@echo 'make test    the tests; ARGS="tests/gate -k fever" passes options'
	@echo 'make check   style, types, imports, locks, generated documents, units of systemd'
	@echo 'make bench   the measurements'
	@echo 'make docs    generate the documents'
	@echo 'make lock    resolve the dependencies anew; ARGS=--upgrade takes the newest'
	@echo 'make clean   remove what the targets made'

demo: .venv/.demo
	@trap : INT; $(BIN)/gatehouse demo $(ARGS) || [ $$? -eq 130 ]  # Ctrl-C is how it ends

test: needs .venv/.dev
	$(BIN)/pytest -q $(ARGS)

check: systemd .venv/.dev lock-check
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/lint-imports --no-logo
	$(BIN)/pyright
	@$(MAKE) --no-print-directory docs-check
	$(BIN)/python -m scripts.units

bench: mosquitto .venv/.dev
	$(BIN)/python -m benchmarks $(ARGS)

# From the environment that the old lock made: the resolver is pinned too.
lock: .venv/.dev
	$(BIN)/python -m scripts.lock $(ARGS)

lock-check: .venv/.dev
	$(BIN)/python -m scripts.lock --check

docs: .venv/.dev
	$(BIN)/python -m scripts.generate_docs

docs-check: .venv/.dev
	$(BIN)/python -m scripts.generate_docs --check

# All at once, so that whoever may not install hears of all at once.
needs:
	@scripts/need mosquitto systemd venv compiler

mosquitto systemd:
	@scripts/need $@

clean:
	rm -rf .venv .hypothesis .import_linter_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -prune -exec rm -rf {} +

# A stamp, not the interpreter: that is there before pip is, and an interrupted venv would pass for a whole one.
.venv/.made:
	@scripts/need venv compiler
	$(PYTHON) -m venv --clear .venv
	@touch $@

# PYPI=1 lets lgpio, where it has no wheel, bring its own C library.
.venv/.%: requirements-%.lock pyproject.toml | .venv/.made
	@echo 'Installing what $< pins into .venv: about a minute, once'
	@PYPI=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --requirement $<
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
		--no-deps --no-build-isolation --editable .
	@touch $@
