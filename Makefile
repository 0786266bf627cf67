# Every verb sets up the environment by itself. PROFILE=smoke|cpu|gpu|cluster chooses what is run and reported.
PROFILE ?= cpu
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
EXTRAS := .venv/.extras

help: ## list the verbs
	@grep -hE '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## make the virtual environment from the pinned requirements

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("error: Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; set PYTHON=...") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(EXTRAS): $(READY) requirements-extras.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -r requirements-extras.txt
	@touch $@

extras: $(EXTRAS) ## add what only clusters, W&B and the tests need

reproduce: $(READY) ## train what is missing, fit, predict, compare with the expected numbers, report
	$(BIN)/python -m training run $(PROFILE)
	$(BIN)/python -m analysis report $(PROFILE)
	$(BIN)/python -m analysis verify $(PROFILE)

report: $(READY) ## rebuild every table, figure and page from the committed curves, without training
	$(BIN)/python -m analysis report $(PROFILE)

figures: $(READY) ## rebuild the figures only
	$(BIN)/python -m analysis figures $(PROFILE)

claims: $(READY) ## rebuild the table of claims only; PAPER=kaplan|mup|loss_to_loss|hitchhiker|all: that paper's page
	$(BIN)/python -m analysis $(if $(PAPER),paper $(PAPER),claims $(PROFILE))

plan: $(READY) ## what PROFILE would run: sizes, steps, FLOPs, time, a picture of the schedules
	$(BIN)/python -m training plan $(PROFILE)

status: $(READY) ## what has become of each run of PROFILE
	$(BIN)/python -m training status $(PROFILE)

bench: $(READY) ## training throughput beside transformers' Trainer
	$(BIN)/python -m training.bench

test: $(EXTRAS) ## run the tests
	$(BIN)/python -m pytest

lint: $(READY) ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

clean: ## remove runs and token files; results and the environment stay
	rm -rf runs corpora .pytest_cache .hypothesis .ruff_cache

.PHONY: help setup extras reproduce report figures claims plan status bench test lint clean
