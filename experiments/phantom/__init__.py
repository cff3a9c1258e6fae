"""The cascade against flat classifiers on the phantom."""
