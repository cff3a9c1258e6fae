"""Wiring: options to estimators, data to rows, decisions to figures."""
