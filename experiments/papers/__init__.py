"""What the published systems claim, run again."""
