"""The Dockerfile copies what exists and what the build needs, and constraints.txt has every package."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

DOCKERFILE = Path("Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))


def copied():
    return [name for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]]


def test_the_dockerfile_copies_what_exists_and_what_the_build_needs():
    force_included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    needed = {"pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"], "sissi"}
    assert needed | set(force_included) | {"constraints.txt"} == set(copied())
    assert all(Path(name).exists() for name in copied())


def test_docker_is_given_what_the_dockerfile_copies_and_nothing_else():
    lines = Path(".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*" and {rule[1:] for rule in rules if rule.startswith("!")} == set(copied())
    assert fnmatch("sissi/config/__pycache__", rules[-1])


def test_the_image_has_a_supported_python_a_command_that_exists_and_a_user_who_is_not_root():
    [python] = re.findall(r"^FROM python:(\d+\.\d+)", DOCKERFILE, re.MULTILINE)
    assert f">={python}" == PROJECT["project"]["requires-python"]  # constraints.txt was written with this one
    [command] = re.findall(r'^ENTRYPOINT \["(\w+)"\]', DOCKERFILE, re.MULTILINE)
    assert command in PROJECT["project"]["scripts"]
    assert re.findall(r"^USER (\w+)", DOCKERFILE, re.MULTILINE) == ["sissi"]


def test_the_constraints_have_exact_versions_of_all_that_is_required():
    fixed = dict(line.split("==") for line in Path("constraints.txt").read_text(encoding="utf-8").split())
    names = {name.lower().replace("_", "-") for name in fixed}
    required = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"]
    everywhere = [re.match(r"[\w-]+", one)[0] for one in required if ";" not in one and not one.startswith("sissi[")]
    assert {name.lower() for name in everywhere} <= names
