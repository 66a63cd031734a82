import optuna
import pytest

from sissi.search.plots import optuna_figures

KEYS = ["pseudo_labels.score", "deceleration.threshold", "pseudo_labels.flips"]


def study_of(trials, keys=KEYS):
    """The first key decides the value, the second a little of it, the third nothing."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0), direction="maximize")

    def objective(trial):
        score = trial.suggest_float(keys[0], 0, 1)
        other = trial.suggest_float(keys[1], 0, 1) if len(keys) > 1 else 0
        if len(keys) > 2:
            trial.suggest_categorical(keys[2], ['["none"]', '["none", "horizontal"]'])
        return score + 0.1 * other

    study.optimize(objective, trials)
    return study


@pytest.mark.parametrize("keys", [KEYS[:1], KEYS[:2], KEYS])
def test_plots_of_a_study_are_readable_and_the_contour_is_of_what_matters(keys):
    figures = optuna_figures(study_of(25, keys), keys)
    assert set(figures) == {"history", "slice"} | ({"importances", "contour"} if len(keys) > 1 else set())
    columns = [axes for axes in figures["slice"].axes if axes.get_xlabel() in keys]
    assert [axes.get_xlabel() for axes in columns] == sorted(keys)
    assert figures["slice"].get_size_inches()[0] > 3 * len(keys)
    for axes in columns:
        slanted = {label.get_rotation() for label in axes.get_xticklabels()}
        assert slanted == ({20} if axes.get_xlabel() == "pseudo_labels.flips" else {0})
    if len(keys) > 1:
        axes = figures["contour"].axes[0]
        assert {axes.get_xlabel(), axes.get_ylabel()} == set(KEYS[:2])


def test_a_plot_that_optuna_cannot_draw_yet_is_left_out(monkeypatch):
    def refuse(study):
        raise ValueError("Cannot evaluate parameter importances with only a single trial.")

    monkeypatch.setattr(optuna.visualization.matplotlib, "plot_param_importances", refuse)
    assert set(optuna_figures(study_of(3), KEYS)) == {"history", "slice", "contour"}
