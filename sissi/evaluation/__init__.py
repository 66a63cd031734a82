"""How good detections and labels are: COCO metrics, label quality, and how sure a comparison is (4.2)."""
