"""Graded disease in medical images: a screen, a refinement, a tuned cut point."""

from __future__ import annotations

__version__ = "0.1.0"
