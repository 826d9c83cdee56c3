"""Errors of the Placement client."""


class PlacementError(Exception):
    """Base class of all errors of the client."""


class Unavailable(PlacementError):
    """No answer: connection refused or lost, no token, or status 5xx."""


class DeadlineExceeded(Unavailable):
    """No complete answer within the deadline."""


class BadAnswer(PlacementError):
    """An answer that is not one of Placement's API."""


class Refused(PlacementError):
    """Placement refuses the request; ``code`` is the reason of the 4xx."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class NotFound(Refused):
    """The resource that the request names does not exist."""


class Conflict(Refused):
    """Another client changed the resource: read it again, then retry."""
