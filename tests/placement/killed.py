"""A client process that is killed during one of its calls."""

from nfv_sched_testing.placement_fixtures import WSGIAdapter


class Killed(BaseException):
    """The process ends: no handler of Exception catches this."""


class KillingWSGI(WSGIAdapter):
    """The adapter of a Placement in this process.

    At call number ``at`` the answer is lost.
    """

    at = None
    count = 0

    def send(self, request, **kwargs):
        self.count += 1
        answer = super().send(request, **kwargs)
        if self.count == self.at:
            raise Killed
        return answer

    def arm(self, at):
        self.count, self.at = 0, at
