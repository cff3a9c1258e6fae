"""Where in a scan the evidence for a decision lies, and how good that map is."""
