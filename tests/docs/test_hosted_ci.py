"""The hosted CI runs on every system, with targets and markers that exist."""

import re
import tomllib
from pathlib import Path

import yaml

PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
JOBS = yaml.safe_load(Path(".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]


def test_the_tests_run_on_all_systems_and_the_oldest_python():
    matrix = JOBS["quick"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert f">={matrix['python'][0]}" == PROJECT["project"]["requires-python"]


def test_the_hosted_ci_calls_targets_and_markers_that_exist():
    lines = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    targets = set(re.findall(r"^([a-z-]+):", Path("Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    called = [target for line in lines if line.startswith("make ") for target in line.split()[1:]]
    assert set(called) == {"lint", "test"} <= targets
    [expression] = [re.search(r'-m "(.*)"', line)[1] for line in lines if "pytest" in line]
    known = {marker.partition(":")[0] for marker in PROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    assert set(re.findall(r"not (\w+)", expression)) == known
