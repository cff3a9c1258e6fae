"""Bundles on disk: audited before anything in them is used."""
