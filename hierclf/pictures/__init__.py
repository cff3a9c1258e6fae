"""Figures as pictures: charts, maps on scans, thumbnails."""
