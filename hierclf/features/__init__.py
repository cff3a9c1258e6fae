"""Feature tables of scans, from networks that no longer learn."""
