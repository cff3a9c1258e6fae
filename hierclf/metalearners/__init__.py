"""Learners on feature tables: by name, tuned and calibrated by patient, stacked."""
