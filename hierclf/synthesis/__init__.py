"""Phantoms: synthetic chest radiographs with graded disease."""
