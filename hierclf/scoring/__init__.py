"""Folders of scans to rows of scores, one each, whatever happens."""
