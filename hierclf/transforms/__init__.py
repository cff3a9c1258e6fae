"""Geometry and augmentation of decoded scans."""
