"""Numbers with intervals, made without torch."""
