"""A network alone against learners on its features."""
