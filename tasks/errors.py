"""The one error of this room."""


class TaskError(Exception):
    """A task or a suite is not well-formed. Raised before any sandbox starts; the message names the file and what to do."""
