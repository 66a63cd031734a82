# Every target makes .venv by itself where it is missing and touches nothing outside this folder.
PYTHON ?= python3
EXPERIMENT ?= experiments/demo.yaml
BIN := .venv/bin

.PHONY: help ablation ui test test-quick lint format bench smoke constraints clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

ablation: .venv/ready  ## the six variants on the demo images; EXPERIMENT=file for others
	$(BIN)/sissi ablation $(EXPERIMENT) --out out/$(basename $(notdir $(EXPERIMENT)))

report: .venv/ready  ## a page about the last ablation: out/report/index.html
	$(BIN)/sissi report latest --out out/report

study: .venv/ready  ## which deceleration threshold is best: a study on the demo, with its plot
	$(BIN)/sissi search experiments/search/threshold.yaml --out out/threshold

dashboard: .venv/ready  ## optuna-dashboard on the studies so far, at http://127.0.0.1:8080
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dashboard]'
	$(BIN)/optuna-dashboard sqlite:///$(CURDIR)/mlruns/optuna.db --host 127.0.0.1 --port 8080

ui: .venv/ready  ## MLflow's page on the runs so far, at http://127.0.0.1:5000
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true $(BIN)/mlflow server \
	  --backend-store-uri sqlite:///$(CURDIR)/mlruns/mlflow.db --artifacts-destination $(CURDIR)/mlruns/artifacts \
	  --host 127.0.0.1 --port 5000 --workers 1

test: .venv/ready  ## all tests
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

test-quick: .venv/ready  ## all tests but those that train whole ablations
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m 'not slow'

torture: .venv/ready  ## kill the smoke ablation at 100 random moments and compare its end
	SISSI_KILLS=100 $(BIN)/python -m pytest -s -k killed_at_any_moment tests/integration/test_interruptions.py

lint: .venv/ready  ## ruff, ruff format, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy sissi benchmarks

audit: .venv/ready  ## known holes in the packages that are installed; needs the network
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip

format: .venv/ready  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/ready  ## what sissi costs against what it must: benchmarks/results.md, in about 20 minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks

smoke: .venv/ready  ## the whole way in under a minute; its scores mean nothing
	$(BIN)/sissi ablation experiments/smoke.yaml --out out/smoke

constraints: .venv/ready  ## write down the versions that are installed now
	$(BIN)/python -m pip freeze --exclude-editable | grep -v ' @ ' > constraints.txt

clean:  ## remove what the other targets made, but not mlruns
	rm -rf .venv out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
