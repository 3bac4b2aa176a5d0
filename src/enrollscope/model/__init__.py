"""What exists: declared once, for all API versions."""
