"""How the house is built: which package may import which, no circle, a listing that can be taken in at a glance."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import sissi

ROOT = Path(sissi.__file__).parent
FLOW = (
    {"boxes", "errors", "names"},
    {"config", "runtime"},
    {"weak_labels", "evaluation"},
    {"data"},
    {"detector"},
    {"training", "tracking"},
    {"method", "results"},
    {"ablation", "figures", "active_learning"},
    {"report", "search"},
    {"inference"},
    {"cli"},
    {"__main__"},
)
"""Stations in the order of the flow: one imports only what stands above it."""
NOT_BELOW = {
    "runtime": {"config"},  # processes, files and the cache know nothing of cells
    "config": {"runtime"},
    "evaluation": {"weak_labels"},
    "weak_labels": {"evaluation"},
    "detector": {"weak_labels", "evaluation"},
    "training": {"weak_labels", "tracking"},
    "method": {"tracking", "results", "weak_labels"},
}
"""Walls beyond the order."""
ONLY_IN = {
    "mlflow": {"tracking"},
    "optuna": {"search"},
    "typer": {"cli"},
    "pycocotools": {"evaluation"},
    "ensemble_boxes": {"method"},
    "transformers": {"detector"},
    "onnx": {"inference"},
    "onnxruntime": {"inference"},
    "roifile": {"data"},
    "albumentations": {"data"},
    "ray": {"runtime"},
}
"""Libraries that one package hides from the others."""
POSIX_ONLY = {"resource", "fcntl", "pwd", "grp", "termios", "tty", "pty", "posix", "syslog", "readline", "curses"}
"""Modules that Windows does not have, so that a file that imports them does not load there."""


def modules():
    return {
        ".".join(("sissi", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in ROOT.rglob("*.py")
    }


MODULES = modules()


@cache
def statements(module):
    """The import statements of a module, in functions too, but not those for type checkers alone."""
    found, waiting = [], [ast.parse(MODULES[module].read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            waiting += ast.iter_child_nodes(node)
    return found


def imported(module):
    """The modules of sissi that a module imports."""
    for node in statements(module):
        names = [alias.name for alias in node.names]
        found = names if isinstance(node, ast.Import) else [f"{node.module}.{name}" for name in names]
        for name in found:
            known = name if name in MODULES else name.rpartition(".")[0]
            if known in MODULES and known != module:
                yield known


def names_in(node):
    """The modules that an import statement names."""
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]


def station(module):
    return module.split(".")[1] if "." in module else "sissi"


def test_every_entry_of_the_package_has_a_place_in_the_flow():
    entries = {station(module) for module in MODULES} - {"sissi"}
    assert entries == set().union(*FLOW)
    assert len([path for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]) <= 22
    assert len(FLOW) <= 12


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_stations_before_its_own(module):
    level = next((index for index, stations in enumerate(FLOW) if station(module) in stations), -1)
    before = set().union(*FLOW[: max(level, 0)]) - NOT_BELOW.get(station(module), set())
    wrong = {name for name in imported(module) if station(name) not in before | {station(module), "sissi"}}
    assert not wrong


def test_no_modules_import_each_other_in_a_circle():
    done, path = set(), []

    def visit(module):
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            path.append(module)
            for name in imported(module):
                visit(name)
            path.pop()
            done.add(module)

    for module in MODULES:
        visit(module)


@pytest.mark.parametrize("module", MODULES)
def test_a_library_stays_behind_its_wall(module):
    for node in statements(module):
        for name in names_in(node):
            assert station(module) in ONLY_IN.get(name.split(".")[0], {station(module)}), name


@pytest.mark.parametrize("module", MODULES)
def test_a_module_loads_on_windows(module):
    at_import = [node for node in statements(module) if node.col_offset == 0]
    assert not {name.split(".")[0] for node in at_import for name in names_in(node)} & POSIX_ONLY


def test_help_imports_nothing_of_weight():
    heavy = ("torch", "torchvision", "mlflow", "numpy", "cv2", "optuna", "pydantic", "matplotlib", "numba")
    script = f"""
import sys
from sissi.cli import main
sys.argv = ["sissi", "--help"]
try:
    main()
except SystemExit:
    pass
print([name for name in {heavy} if name in sys.modules], file=sys.stderr)
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "ablation" in shown.stdout and shown.stderr.strip() == "[]"


def test_the_package_imports_nothing_of_weight_until_a_name_is_used():
    script = """
import sys, sissi
print([name for name in ("torch", "mlflow", "numpy", "pandas", "cv2", "pydantic") if name in sys.modules])
print(all(hasattr(sissi, name) for name in sissi.__all__), set(sissi.__all__) <= set(dir(sissi)))
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\nTrue True\n"
    with pytest.raises(AttributeError, match="module 'sissi' has no attribute 'run_ablatoin'"):
        sissi.run_ablatoin  # noqa: B018


def test_processes_of_jobs_load_no_mlflow():
    script = "import sys, sissi.ablation.stages; print('mlflow' in sys.modules, 'optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False False\n"


@pytest.mark.parametrize("module", ["ablation.run", "search.run", "report.write", "tracking.served_model"])
def test_processes_that_report_load_no_torch(module):
    script = f"import sys, sissi.{module}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"
