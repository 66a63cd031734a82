"""The network: built, saved, loaded, and asked for boxes (4.1)."""
