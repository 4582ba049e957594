# Everything a fresh machine needs is made here: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
READY := $(VENV)/.ready

.PHONY: demo test test-all build lint clean

demo: build
	$(BIN)/python -m autograder.maintain.samples demo/submissions
	$(BIN)/python -m autograder grade demo/submissions --out demo/results

# What guards a grade, in minutes; `test-all` adds what takes long (tests/grader/slow, a browser among it).
test: $(READY) lint
	$(BIN)/python -m pytest -m "not slow" --ignore tests/grader/slow -n 2 --dist loadfile --no-loadscope-reorder

test-all: $(READY) lint
	.ci/install-browser
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

build: $(READY)
	$(BIN)/python -m autograder build

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# The environment is made again only when the lock or the package changes. Two processes install the lock's lines in two
# thirds of the time; then pip adds what they require on other platforms.
$(READY): requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	sed '/^#/d' requirements.txt | tr '\n' '\0' | xargs -0 -P 2 -n 25 $(PIP) install --no-deps
	$(PIP) install -r requirements.txt
	$(PIP) install --no-deps --editable .
	touch $@

clean:
	rm -rf dist demo results build *.egg-info
