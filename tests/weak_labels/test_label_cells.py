import pytest

from sissi.boxes import same
from sissi.config import WeakLabels
from sissi.errors import DataError
from sissi.weak_labels import alive, dead, inhibited, label_cells
from sissi.weak_labels.kinds import of_pipeline

from . import pictures

IMAGE = pictures.noise(5, (90, 110), 4.0)
SETTINGS = WeakLabels()
EXPECTED = {
    "alive": of_pipeline(alive.find_cells(IMAGE, SETTINGS.alive), "alive"),
    "inhibited": of_pipeline(inhibited.find_cells(IMAGE, SETTINGS.inhibited), "inhibited"),
    "dead": of_pipeline(dead.find_cells(IMAGE, SETTINGS.dead), "dead"),
}


def test_the_pipelines_differ_here() -> None:
    assert not same(EXPECTED["alive"], EXPECTED["inhibited"])
    assert not same(EXPECTED["alive"], EXPECTED["dead"])
    assert not same(EXPECTED["inhibited"], EXPECTED["dead"])


@pytest.mark.parametrize(("category", "pipeline"), [("alive", "alive"), ("inhib", "inhibited"), ("dead", "dead")])
def test_the_folder_names_the_pipeline(category: str, pipeline: str) -> None:
    assert same(label_cells(IMAGE, SETTINGS, category), EXPECTED[pipeline])


@pytest.mark.parametrize("pipeline", ["alive", "inhibited", "dead"])
@pytest.mark.parametrize("category", [None, "dead", "other"])
def test_a_named_pipeline_needs_no_folder(pipeline: str, category: str | None) -> None:
    settings = SETTINGS.model_copy(update={"pipeline": pipeline})
    assert same(label_cells(IMAGE, settings, category), EXPECTED[pipeline])


@pytest.mark.parametrize("category", [None, "other"])
def test_without_a_folder_the_error_says_what_to_do(category: str | None) -> None:
    with pytest.raises(DataError, match=r"alive, inhib, dead.*weak_labels\.pipeline"):
        label_cells(IMAGE, SETTINGS, category)
