"""What goes wrong around a deployment, in one line that tells how to go on."""


class CloudError(Exception):
    """A deployment that cannot be worked with; the message says what to do."""
