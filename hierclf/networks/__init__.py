"""Backbones, heads, and which of their parts learn."""
