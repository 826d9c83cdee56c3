"""What may go wrong with Placement."""


class PlacementError(Exception):
    """Base class: the request did not do what it should."""


class Unavailable(PlacementError):
    """No answer: refused, cut off, no token, or the server's own fault."""


class DeadlineExceeded(Unavailable):
    """No whole answer within the deadline."""


class BadAnswer(PlacementError):
    """An answer that Placement would not give."""


class Refused(PlacementError):
    """Placement refuses the request: ``status`` 4xx, ``code`` its reason."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class NotFound(Refused):
    """Placement does not know what the request names."""


class Conflict(Refused):
    """Somebody else changed it first: read again, then retry."""
