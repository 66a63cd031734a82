"""Methods of the paper, one per file: start of correction, pseudo labels, synthetic-like images (3.3 to 3.5)."""
