"""Graded disease in medical images: a screen, a refinement, a tuned cut point."""

from __future__ import annotations

import os

# Threads of OpenMP sleep while they wait, unless somebody chose otherwise. By default
# they spin, and on a busy machine take the very core that they wait for. Beside others
# on two cores EfficientNet-Lite0 saw 10 and 11 scans a second with spinning threads,
# with sleeping ones 14 and 18; alone 78 to 100, and 80 to 82. A head was fitted in 3.8
# and 6.6 s, and in 2.3 and 2.6; alone in 0.4 with both. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
