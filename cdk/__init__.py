"""The AWS stacks of Stratagem."""
