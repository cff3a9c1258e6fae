"""The words of the problem: which labels there are, and what errors cost."""
