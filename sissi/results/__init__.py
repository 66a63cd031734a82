"""Tables of an ablation, and ablations read from MLflow."""
