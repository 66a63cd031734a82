"""An epoch of mixed batches, and what it trains (3.2)."""
