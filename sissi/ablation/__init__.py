"""The ablation (phase 7): the trunk once, then a branch for each variant, each scored against every reader."""
