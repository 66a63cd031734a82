"""Processes, files, the cache and randomness. Nothing here knows of cells."""
