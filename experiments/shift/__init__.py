"""A ward without labels: recovered where that is right, refused where it is not."""
