"""Decoded scans at working size, read ahead and cached."""
