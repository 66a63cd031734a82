"""Audit of labels: boxes that are likely missing, wrong or loose, by detectors that never saw the image."""
