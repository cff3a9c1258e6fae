"""The ground: errors, choices among names, seeds, files."""
