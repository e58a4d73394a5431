"""One module a stack: a room of the cloud."""
