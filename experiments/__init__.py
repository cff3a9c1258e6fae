"""Measurements that the documentation quotes, and the commands that made them."""
