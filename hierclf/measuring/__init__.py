"""What models said, turned into the figures of a report."""
