"""The report of an ablation: what a person wants to see of it, on one page."""
