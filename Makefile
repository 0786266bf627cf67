# Every verb sets up the environment by itself. PROFILE=smoke|cpu|night|gpu|cluster chooses what is run and reported.
PROFILE ?= cpu
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
EXTRAS := .venv/.extras
# Two processes, a file of tests in one of them: files share fixtures that cost more than their tests.
WORKERS := -n 2 --dist loadfile

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

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

PAPER ?= annealing
ASKED = $(PAPER) $(if $(filter annealing all,$(PAPER)),--profile $(PROFILE))
# What is trained here goes to a folder that git ignores; results/ holds what was committed until `make accept` says otherwise.
REPRODUCED ?= reproduced

reproduce: $(READY) ## train what is missing, fit, predict, report into reproduced/; PAPER=NAME (a folder of analysis/papers) or all
	$(BIN)/python -m analysis steps $(ASKED) --into $(REPRODUCED) | while read -r step; do $(BIN)/python -m $$step < /dev/null || exit; done
	$(BIN)/python -m analysis paper $(ASKED) --into $(REPRODUCED)
	$(if $(filter annealing all,$(PAPER)),$(BIN)/python -m analysis verify $(PROFILE) --into $(REPRODUCED))
	$(BIN)/python -m analysis differences $(REPRODUCED)

accept: ## replace the committed results by those that `make reproduce` made here
	cp -R $(REPRODUCED)/. results/
	rm -f results/differences.csv

report: $(READY) ## rebuild every table, figure and page of PAPER from the committed curves, without training
	$(BIN)/python -m analysis paper $(ASKED)

figures: $(READY) ## rebuild the figures of PAPER only
	$(BIN)/python -m analysis paper $(ASKED) --only figures

claims: $(READY) ## rebuild the table of claims of PAPER only
	$(BIN)/python -m analysis paper $(ASKED) --only claims

leaderboard: $(READY) ## every law on every public data set: results/leaderboard
	$(BIN)/python -m analysis leaderboard

plan: $(READY) ## what PROFILE would run: sizes, steps, FLOPs, time, a picture of the schedules
	$(BIN)/python -m training plan $(PROFILE)

status: $(READY) ## what has become of each run of PROFILE
	$(BIN)/python -m training status $(PROFILE)

trial: $(READY) ## find a schedule from PROFILE's runs, train it beside cosine and WSD, three seeds each
	$(BIN)/python -m losslaws optimize results/annealing/$(PROFILE) --steps 1400 --family free --out results/trial/found.csv
	$(BIN)/python -m training run trial
	$(BIN)/python -m analysis trial results/annealing/$(PROFILE)

bench: $(READY) ## what training and fitting cost beside Trainer and the published procedures
	$(BIN)/python -m training.bench loops
	$(BIN)/python -m training.bench steps
	$(BIN)/python -m training.bench sweep
	$(BIN)/python -m training.bench small
	$(BIN)/python -m analysis bench

gpu-day: $(READY) ## on a machine with a GPU, in sittings of 12 minutes: checks, speed, ways of small models, the gpu profile
	$(BIN)/python -m training.bench.gpu_day

check: lint $(EXTRAS) ## style, format and every fast test: an answer in about a minute
	$(BIN)/python -m pytest $(WORKERS) -m "not slow"

test: $(EXTRAS) ## run every test
	$(BIN)/python -m pytest $(WORKERS)

mutants: $(EXTRAS) ## put bugs into a copy, one at a time, and say which the tests catch: a list, then SAMPLE=n a file by cosmic-ray; ONLY=WORD
	ONLY="$(ONLY)" $(BIN)/python -m tests.mutants
	ONLY="$(ONLY)" SAMPLE="$(or $(SAMPLE),6)" $(BIN)/python -m tests.mutations

lint: $(READY) ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

pins: $(READY) ## raise the pins of every requirements file, or of ONLY=FILE; new pins of requirements.txt make runs on installed texts new ones
	$(BIN)/python .ci/pins $(ONLY)

clean: ## remove runs and token files; results and the environment stay
	rm -rf runs corpora .pytest_cache .hypothesis .ruff_cache

.PHONY: help setup extras reproduce accept report figures claims leaderboard plan status trial bench gpu-day check test mutants lint pins clean
