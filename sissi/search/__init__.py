"""Optuna studies over the settings of an experiment. No other package imports optuna."""
