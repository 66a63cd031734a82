"""Image files: read, stretched to 8 bits, drawn on."""
