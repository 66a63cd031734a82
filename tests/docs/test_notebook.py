"""The notebook of the documentation runs, and gives what is stored in it."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path("docs/notebook.ipynb")
SETTINGS = '["seeds=[0]"]'
SHORT = (
    *("variants=[baseline, a+sissi-s, weak-only, oracle]", "training.epochs=2"),
    *("early_learning.max_epochs=1", "early_learning.min_epoch=1"),
)


def kinds(notebook):
    """The kinds of output of each cell of code, without what is printed."""
    return [
        [sorted(output["data"]) for output in cell.outputs if "data" in output]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def shortened(code):
    """The first cell of code, with an ablation of half the rows and a third of the epochs."""
    assert code.count(SETTINGS) == 1, f"{SETTINGS} is not in:\n{code}"
    return code.replace(SETTINGS, repr([*ast.literal_eval(SETTINGS), *SHORT]))


@pytest.mark.slow
def test_the_notebook_runs_in_an_empty_folder(tmp_path):
    stored = nbformat.read(NOTEBOOK, as_version=4)
    run = nbformat.read(NOTEBOOK, as_version=4)
    run.cells[1].source = shortened(run.cells[1].source)
    NotebookClient(run, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert kinds(run) == kinds(stored)
    assert any("image/png" in kind for cell in kinds(stored) for kind in cell)


def test_the_stored_notebook_was_run_and_names_no_folder_of_a_machine():
    stored = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all("/" + place not in NOTEBOOK.read_text() for place in ("home", "root", "tmp/", "work/"))
