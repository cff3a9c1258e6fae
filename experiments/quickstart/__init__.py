"""Four public sets of scans, one command each."""
