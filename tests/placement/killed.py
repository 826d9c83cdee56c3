"""A client process that is killed during one of its calls."""

import threading

from nfv_sched_testing.placement_fixtures import WSGIAdapter


class Killed(BaseException):
    """The process ends: no handler of Exception catches this."""


class KillingWSGI(WSGIAdapter):
    """The adapter of a Placement in this process.

    At call number ``at`` the answer is lost. No thread makes a call after it.
    """

    at = None
    count = 0

    def __init__(self, app):
        super().__init__(app)
        self.counting = threading.Lock()

    def send(self, request, **kwargs):
        with self.counting:
            self.count += 1
            count = self.count
        if self.at is not None and count > self.at:
            raise Killed
        answer = super().send(request, **kwargs)
        if count == self.at:
            raise Killed
        return answer

    def arm(self, at):
        self.count, self.at = 0, at
