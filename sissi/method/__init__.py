"""The ideas of the paper, one a file: when to stop trusting labels, new labels, cloned images (3.3 to 3.5)."""
