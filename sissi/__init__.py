"""sissi: the ablation harness for semi-supervised correction of imperfect cell labels."""

__version__ = "0.1.0"
