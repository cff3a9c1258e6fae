"""A bundle on the scans of a ward without labels, or with few."""
