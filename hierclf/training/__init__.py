"""Fitting a network as a scikit-learn classifier."""
