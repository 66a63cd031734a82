"""Ablation (phase 7): one trunk, then one branch per variant, each scored against every reader."""
