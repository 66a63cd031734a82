"""Report of an ablation on one page."""
