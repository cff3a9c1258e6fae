"""Maps of scans, from the scans to the page."""
