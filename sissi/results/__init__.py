"""The tables of an ablation, and an ablation read back from MLflow."""
