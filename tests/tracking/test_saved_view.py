import json

from sissi.runtime.events import ExperimentTags
from sissi.tracking import open_store
from sissi.tracking.saved_view import TAG, scores_view


def test_the_view_has_a_column_for_each_score_of_each_reader():
    [(key, value)] = scores_view(["a", "reader 2"], ("AP", "AR"), 15).items()
    view = json.loads(value)
    assert (key, view["name"], view["createdAt"], view["updatedAt"]) == (TAG, "AP and AR by reader", 15, 15)
    scores = [f"metrics.`{reader}/{metric}`" for reader in ("a", "reader 2") for metric in ("AP", "AR")]
    assert json.loads(view["state"]) == {"selectedColumns": ["params.`start_epoch`", *scores]}


def test_the_view_is_a_tag_of_the_experiment(tmp_path):
    store = open_store(tmp_path)
    with store.start_run("demo", "one") as run:
        for at in (1, 2):
            run.record(ExperimentTags(scores_view(["a"], ("AP",), at)))
    tags = store._client.get_experiment_by_name("demo").tags
    assert json.loads(tags[TAG])["updatedAt"] == 2
