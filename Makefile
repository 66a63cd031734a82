# Every target makes .venv by itself where it is missing and touches nothing outside this folder.
PYTHON ?= python3
EXPERIMENT ?= experiments/demo.yaml
BIN := .venv/bin

.PHONY: help ablation grade loop report study dashboard ui docs test test-faults test-ray test-label-studio test-quick counts torture lint audit format bench bench-gpu smoke constraints clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

.venv/ray: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[ray]'
	touch $@

# Of its own, since its pins are others. 1 GB.
.venv/label-studio/ready: .venv/ready
	$(PYTHON) -m venv .venv/label-studio
	.venv/label-studio/bin/python -m pip install --quiet --disable-pip-version-check 'label-studio>=1.23,<2'
	touch $@

ablation: .venv/ready  ## the six variants on the demo images; EXPERIMENT=file for others
	$(BIN)/sissi ablation $(EXPERIMENT) --out out/$(basename $(notdir $(EXPERIMENT)))

PLATE := out/grade-demo/plate
grade: .venv/ready  ## the demo with living, inhibited and dead cells, to graded wells: out/grade-demo/graded/index.html
	$(BIN)/sissi ablation experiments/grade-demo.yaml --out out/grade-demo
	$(BIN)/python examples/draw_plate.py $(PLATE)
	$(BIN)/sissi grade latest --variant recipe $(PLATE)/wells --layout $(PLATE)/layout.csv \
	  --validation $(PLATE)/validation.json $(PLATE)/validation --out out/grade-demo/graded
	$(BIN)/python examples/draw_plate.py $(PLATE) --graded out/grade-demo/graded

loop: .venv/ready  ## correct, train again, repeat, on the demo: does sissi suggest pay? out/loop/loop.png
	$(BIN)/python -m benchmarks.loop

report: .venv/ready  ## a page about the last ablation: out/report/index.html
	$(BIN)/sissi report latest --out out/report

study: .venv/ready  ## which deceleration threshold is best: a study on the demo, with its plot
	$(BIN)/sissi search experiments/search/threshold.yaml --out out/threshold

dashboard: .venv/ready  ## optuna-dashboard on the studies so far, at http://127.0.0.1:8080
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dashboard]'
	$(BIN)/optuna-dashboard sqlite:///$(CURDIR)/mlruns/optuna.db --host 127.0.0.1 --port 8080

ui: .venv/ready  ## MLflow's page on the runs so far, at an address that it prints
	@echo 'http://127.0.0.1:5000/#/experiments?workflowType=machine_learning'
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true $(BIN)/mlflow server \
	  --backend-store-uri sqlite:///$(CURDIR)/mlruns/mlflow.db --artifacts-destination $(CURDIR)/mlruns/artifacts \
	  --host 127.0.0.1 --port 5000 --workers 1

docs: .venv/ready  ## the documentation as a site with a search: out/site/index.html
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python -m sphinx --quiet --nitpicky --fail-on-warning -d out/doctrees docs out/site
	@echo out/site/index.html

test: .venv/ready  ## all tests but those of test-faults
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal -m 'not faults'

test-faults: .venv/ready  ## whole commands that are killed, stopped, starved of disk, given damaged images and secrets
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal -m faults

test-ray: .venv/ready .venv/ray  ## jobs on Ray, with nodes that are killed, frozen and cut off; what the other targets leave out
	$(BIN)/python -m pytest tests/integration/test_ray.py tests/runtime/test_jobs.py

test-label-studio: .venv/ready .venv/label-studio/ready  ## boxes of sissi serve on the page of Label Studio, which it installs
	$(BIN)/python -m pytest tests/integration/test_label_studio.py

test-quick: .venv/ready  ## all tests but those that train whole ablations
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal -m 'not slow'

torture: .venv/ready .venv/ray  ## kill the smoke ablation at 100 random moments, and nodes of Ray 10 times, and compare its end
	SISSI_KILLS=100 $(BIN)/python -m pytest -s -k killed_at_any_moment tests/integration/test_interruptions.py
	for turn in 1 2 3 4 5 6 7 8 9 10; do $(BIN)/python -m pytest tests/integration/test_ray.py || exit 1; done

FAULTS := killed or kill_say or is_shot or that_dies or disk_is_full or full_disk or what_is_full or damaged_checkpoint \
  or interrupted or goes_away or got_lost or is_lost or without_the_shared or cut_in_half \
  or cut_off_anywhere or not_finite_stops or not_finite_is_named \
  or early_learning_it or in_a_variant_it or watchdog or not_answer or no_deterministic or without_a_deterministic \
  or two_processes_create or twice_at_once or ablations_at_once or job_that_fails or listener_that_fails
BAD_INPUTS := bad_input or refused or truncated_file or no_image_is_named or damaged_file or damage_gives \
  or no_box_is_named or usable_box or leave_the_folder or cannot_be_read or broken or not_utf_8 or malformed \
  or names_that_climb or no_file_but_its_own or from_elsewhere or outside_of_its_run or carries_code

counts: .venv/ready  ## how many faults and bad inputs the tests try, by the names of the tests
	@for words in '$(FAULTS)' '$(BAD_INPUTS)'; do \
	  $(BIN)/python -m pytest --collect-only --quiet -k "$$words" | tail -1; done

# Here pypi.org tells what is known of a release; mirrors of it often don't.
ADVISORIES := https://pypi.org/pypi/pip/24.0/json

lint: .venv/ready  ## ruff, ruff format, mypy, and audit where the network allows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy sissi benchmarks
	@if $(BIN)/python -c "import urllib.request; urllib.request.urlopen('$(ADVISORIES)', timeout=5)" 2>/dev/null; \
	then $(MAKE) --no-print-directory audit; else echo 'audit left out: pypi.org does not tell what is known of a release'; fi

audit: .venv/ready  ## known holes in the packages that are installed; needs the network
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip

format: .venv/ready  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/ready  ## what sissi costs against what it must: benchmarks/results.md, in an hour and a half
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks

bench-gpu: .venv/ready  ## the paper's preset on a GPU in float32 and bf16: benchmarks/gpu.md
	$(BIN)/python -m benchmarks.gpu

smoke: .venv/ready  ## the whole way in under a minute; its scores mean nothing
	$(BIN)/sissi ablation experiments/smoke.yaml --out out/smoke

constraints: .venv/ready  ## write down the versions that are installed now
	$(BIN)/python -m pip freeze --exclude-editable | grep -v ' @ ' > constraints.txt

clean:  ## remove what the other targets made, but not mlruns
	rm -rf .venv out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
