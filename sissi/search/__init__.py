"""Optuna studies over the settings of an experiment. Nothing else imports optuna."""
