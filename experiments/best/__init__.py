"""The best honest configuration for each real set, in grouped folds."""
