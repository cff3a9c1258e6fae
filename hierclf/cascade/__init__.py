"""The cascade: screen, cut point, refinement."""
