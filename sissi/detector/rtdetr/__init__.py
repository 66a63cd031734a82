"""Preset rtdetr: RT-DETRv2 of Hugging Face transformers, which is imported only when the preset is asked for."""
