"""Prediction and evaluation with a trained detector, for images of any size and number."""
