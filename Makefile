# make demo: see the guard find real bugs.   make test, make check: before a commit.
# Needs Python 3.11 or newer and make; PYTHON=python3.13 chooses another interpreter.

# The tests start some six hundred interpreters, and each would compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
CHECKERS := $(VENV)/.installed-check
PIP := $(RUN) -m pip --disable-pip-version-check install --quiet

.PHONY: demo test check clean

demo: $(INSTALLED)
	$(RUN) examples/demo.py

test: $(INSTALLED)
	$(RUN) -m pytest -n 2 $(ARGS)

check: $(CHECKERS)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy --strict -p pytest_sessionguard

clean:
	rm -rf $(VENV) .nox .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "make: Python 3.11 or newer is needed, try PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) -e '.[test]'
	@touch $@

$(CHECKERS): $(INSTALLED)
	$(PIP) -e '.[test,check]'
	@touch $@
