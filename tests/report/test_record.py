import numpy as np
import pytest

from sissi.boxes import EMPTY, make_boxes, same
from sissi.data.formats.coco import to_coco
from sissi.errors import TrackingError
from sissi.results.snapshots import read_snapshot
from sissi.results.stored_ablation import read_ablation
from sissi.tracking import open_store


def test_a_snapshot_is_read_back_bit_by_bit(tmp_path):
    import json

    random = np.random.default_rng(1)
    corner = random.uniform(0, 90, (40, 2)).astype(np.float32)
    many = make_boxes(np.concatenate([corner, corner + 7.3], axis=1), random.uniform(size=40))
    (tmp_path / "x.json").write_text(json.dumps(to_coco([("b.png", 80, 100), ("a/c.png", 8, 9)], [many, EMPTY])))
    snapshot = read_snapshot(tmp_path / "x.json")
    assert snapshot.sizes == {"b.png": (80, 100), "a/c.png": (8, 9)}
    assert same(snapshot.boxes["b.png"], many) and same(snapshot.boxes["a/c.png"], EMPTY)


def test_latest_is_the_newest_ablation_and_a_child_names_its_parent(writer, ablation):
    assert read_ablation(writer.store, ablation).variants == ["baseline", "plain-a", "a+sissi-s"]
    child = writer.store.children(ablation)[0]
    with pytest.raises(TrackingError, match=f"is not an ablation but 'trunk .*belongs to the ablation {ablation}"):
        read_ablation(writer.store, child.id)


def test_an_empty_store_says_what_to_do(tmp_path):
    with pytest.raises(TrackingError, match="contains no ablation; make one"):
        read_ablation(open_store(tmp_path), "latest")
