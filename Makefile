# Needs Python 3.11, make and git. Where Python has no venv (Debian): apt-get install python3.11-venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DATA ?= ../shared/data/cxr
WORK ?= .work

CASES ?= 20000
KILLS ?= 1000

.PHONY: help demo test fuzz kills extras inputs format lint types contracts check results results-full forgetting lungs pointing backbones tuning bench clean

help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / - /'

$(VENV)/.runtime: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Python has no venv. On Debian: apt-get install python3.11-venv"; exit 1; }
	$(PIP) install --upgrade 'pip>=25.1'
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.development: $(VENV)/.runtime
	$(PIP) install --constraint constraints.txt --group tests --group checks
	@touch $@

demo: $(VENV)/.runtime  ## draw phantoms, encode, learn step by step, write a card
	$(BIN)/carina demo --out .demo

test: $(VENV)/.development  ## the whole suite
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2

fuzz: $(VENV)/.development  ## thousands of damaged files through every reader (CASES=20000)
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/campaign.py --cases $(CASES)

kills: $(VENV)/.development  ## kill an encode at random moments, look for loss (KILLS=1000)
	CARINA_KILLS=$(KILLS) OMP_NUM_THREADS=1 $(BIN)/pytest -s tests/features/test_encode_kills.py -k random_moments

extras:  ## encoders of other packages against those packages (builds .venv-extras, about 6 GB)
	@test -x .venv-extras/bin/python || $(PYTHON) -m venv .venv-extras
	.venv-extras/bin/pip --disable-pip-version-check --quiet install torch torchvision
	.venv-extras/bin/pip --disable-pip-version-check --quiet install --editable '.[open-clip,timm,xrv]'
	.venv-extras/bin/pip --disable-pip-version-check --quiet install --no-deps hi-ml-multimodal==0.2.2 SimpleITK
	.venv-extras/bin/python benchmarks/extras_parity.py

format: $(VENV)/.development  ## lay the code out
	$(BIN)/ruff format src tests benchmarks

lint: $(VENV)/.development  ## look for slips
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks

types: $(VENV)/.development  ## mypy, strict
	$(BIN)/mypy

contracts: $(VENV)/.development  ## the rule of the doors
	$(BIN)/lint-imports

check: test lint types contracts  ## everything but the demo

results: $(VENV)/.development  ## run the core of the declared grid and write docs/results.md
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/results.py --data $(DATA) --work $(WORK)/results --out docs

results-full: forgetting lungs pointing  ## the same with every cell of the grid
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/results.py --data $(DATA) --work $(WORK)/results --out docs --full

forgetting: $(VENV)/.development  ## does RE-tune forget? 5 seeds x 8 orders, out of fold (an hour)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/forgetting.py --data $(DATA) --work $(WORK)/results

lungs: $(VENV)/.development  ## lungs from 1, 10 and 100 % of the films, beside whole networks (40 minutes)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/lungs.py --data $(DATA) --work $(WORK)/results --on test

backbones: $(VENV)/.development  ## is Freeze the backbones right? encoders, forms, references on drawn reports (an hour)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/backbones.py --data $(DATA) --work $(WORK)/results

pointing: $(VENV)/.development  ## do heat maps point at what was marked, and better than a blind point?
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/pointing.py --data $(DATA) --work $(WORK)/results --on test

tuning: $(VENV)/.development  ## eight settings of every method, out of fold (two hours)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/tuning.py --data $(DATA) --work $(WORK)/results --out docs/decisions

bench: $(VENV)/.development  ## every benchmark of speed, ours beside a reference; write into docs/explanation/speed.md
	$(BIN)/python benchmarks/bench.py --data $(DATA) --work $(WORK)/bench --page docs/explanation/speed.md

inputs: $(VENV)/.development  ## measure encoders, guard, labeller, damaged files; write into docs/results.md
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/inputs.py --data $(DATA) --page docs/results.md \
	  $(if $(wildcard .venv-extras/bin/python),--extras .venv-extras/bin/python)

clean:  ## forget what was made, the environment too
	rm -rf $(VENV) .venv-extras .demo $(WORK)
