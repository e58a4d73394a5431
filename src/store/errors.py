"""What storing can raise. Each message names the thing, the value and what is accepted."""


class StoreError(Exception):
    """What this package raises."""


class InvalidError(StoreError):
    """A value that is not accepted."""


class NotFoundError(StoreError):
    """No such thing is stored."""


class ConflictError(StoreError):
    """Something else is stored under this name."""


class DamagedError(StoreError):
    """What was read is not what was written: a wrong hash, or no valid file."""


class BusyError(StoreError):
    """Others kept changing the same thing; trying again later may do."""
