"""Lungs found in scans: a U-Net, how it is trained, and how its masks are cleaned."""
