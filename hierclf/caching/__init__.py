"""What was computed once, kept by content."""
