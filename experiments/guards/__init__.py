"""Calibration, deferral and the input gate, measured on scans that nobody fitted."""
