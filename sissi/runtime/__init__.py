"""Processes, files, the cache and randomness. Nothing here depends on cells or images."""
