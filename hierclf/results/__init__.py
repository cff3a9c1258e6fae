"""What a run found, as figures and words: to JSON and back, and no pictures yet."""
