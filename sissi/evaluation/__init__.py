"""Evaluation of detections and labels: COCO metrics, label quality and confidence intervals (4.2)."""
