"""Detector network: construction, storage and prediction (4.1)."""
