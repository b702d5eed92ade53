# make demo   encode a real portrait at 256 bits, decode it, draw the comparison (sets up .venv by itself)
# make lab    open the course in Jupyter, at lesson 00 (sets up .venv by itself)
# make test   lint, tests, and every notebook from top to bottom: the whole truth (sets up .venv by itself)
# make bench  timings, as ratios to a peer in the same run

# The first interpreter of 3.11 to 3.13 that really runs (a version manager may list some that do not).
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo lab test lint unit notebooks bench clean

help:
	@sed -n 's/^# //p' Makefile | head -4

.venv/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "elic_tf needs Python 3.11, 3.12 or 3.13; none was found. Try: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.demo: .venv/pyvenv.cfg pyproject.toml
	@echo "Setting up .venv (TensorFlow and friends: about two minutes, once)"
	@$(PIP) --editable ".[photos,judge,bench,qr]"
	@touch $@

.venv/.lab: .venv/pyvenv.cfg pyproject.toml
	@echo "Setting up .venv with Jupyter (TensorFlow and friends: about three minutes, once)"
	@$(PIP) --editable ".[photos,judge,bench,identity,qr,notebooks]"
	@touch $@ .venv/.demo

.venv/.dev: .venv/pyvenv.cfg pyproject.toml
	@echo "Setting up .venv for development (about two minutes, once)"
	@$(PIP) --editable ".[dev]"
	@touch $@ .venv/.demo .venv/.lab

demo: .venv/.demo
	@$(BIN)/elic demo --out demo

lab: .venv/.lab
	$(BIN)/jupyter lab notebooks/00_*.ipynb

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

unit: .venv/.dev
	$(BIN)/python -m pytest

# Every cell of every solution runs, marked outputs are compared, and nothing is reached over the network. (What students
# get runs in `unit`: tests/course/test_lessons.py.)
NOWHERE := http://127.0.0.1:9
notebooks: .venv/.dev
	$(BIN)/python -m elic_tf.course.builder --check
	ELIC_MODE=smoke ELIC_FACES=synthetic TF_CPP_MIN_LOG_LEVEL=2 http_proxy=$(NOWHERE) https_proxy=$(NOWHERE) \
		$(BIN)/python -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=300 -p no:cacheprovider \
		--durations=10 notebooks/solutions

test: lint unit notebooks

bench: .venv/.dev
	$(BIN)/python -m elic_tf.measure.speed
	$(BIN)/python -m elic_tf.train.speed

clean:
	rm -rf .venv demo bench build *.egg-info
