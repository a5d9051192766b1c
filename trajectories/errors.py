"""The errors of this room."""


class TrajectoryError(Exception):
    """A recipe, a selection, an export or an import cannot be used as given; the message, in one line, says what to do."""


class StoreError(Exception):
    """The run directory cannot be used; the message, in one line, says why and what to do."""
