"""Graded disease in medical images: a screen, a refinement, a tuned cut point."""

from __future__ import annotations

import os

# Threads of OpenMP sleep while they wait, unless somebody chose otherwise. By default
# they spin, and on a busy machine take the very core that they wait for: beside four
# other processes on two cores a frozen network saw 10 scans a second with spinning
# threads and 17 with sleeping ones. It is read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
