"""A client that is killed at one of its calls."""

import requests.adapters

from tests.fixtures_placement import WSGIAdapter


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


class _Killing:
    """At call number ``at`` the request, or its answer, is lost."""

    at = None
    lost = 'request'
    count = 0

    def send(self, request, **kwargs):
        self.count += 1
        if self.count == self.at and self.lost == 'request':
            raise Killed
        answer = super().send(request, **kwargs)
        if self.count == self.at:
            raise Killed
        return answer

    def arm(self, at, lost):
        self.count, self.at, self.lost = 0, at, lost


class KillingWSGI(_Killing, WSGIAdapter):
    """In front of a Placement in this process."""


class KillingHTTP(_Killing, requests.adapters.HTTPAdapter):
    """In front of a Placement over HTTP."""
