"""Training: mixed batches, one epoch, teacher and student, and checkpoints (3.2)."""
