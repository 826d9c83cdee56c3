"""Nova's own functional tests with the filters of this package.

Nothing of Nova is edited, and neither are its tests. They patch the stock
filters by module and name and look whether they were asked, so ours take
their places there, under their names. ``NFV_FILTERS`` says which filters
run:

``ours``
    (the default) all four filters in place of ``NUMATopologyFilter``,
    ``PCINUMAFilter`` in place of ``PciPassthroughFilter``, our weighers
    beside Nova's;
``stock``
    Nova's own, to know what passes on this machine anyway;
``refuse``
    filters that refuse every host, to know that the tests notice.

How often each was asked, and how many hosts it refused, is appended to the
file that ``NFV_FILTERS_COUNTS`` names.
"""

import atexit
import collections
import os
import sys
from typing import Any

# They patch much of the standard library, so before anything else of Nova:
# the package of the tests, in Nova 32 the module of their base class.
import nova.tests.functional  # isort: skip
import nova.test  # noqa: F401

from nova import filters
from nova.scheduler import filters as host_filters
from nova.scheduler.filters import numa_topology_filter
from nova.scheduler.filters import pci_passthrough_filter
from nova.tests.fixtures import conf as conf_fixture

from nfv_sched.filters.cpu_pinning import CPUPinningFilter
from nfv_sched.filters.huge_pages import HugePagesFilter
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.filters.pci_numa import PCINUMAFilter
from nfv_sched.scheduler import process

_COUNTS: collections.Counter[str] = collections.Counter()


class _Standing(host_filters.BaseHostFilter):
    """Some of our filters behind the name of one of Nova's.

    The tests watch ``host_passes``, which ours do not go through when they
    look at many hosts at once.
    """

    STANDING_IN: tuple[type[Any], ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self._ours = [cls() for cls in self.STANDING_IN]

    def host_passes(self, host_state: Any, spec_obj: Any) -> bool:
        for ours in self._ours:
            name = type(ours).__name__
            _COUNTS[f'{name} asked'] += 1
            if not list(ours.filter_all([host_state], spec_obj)):
                _COUNTS[f'{name} refused'] += 1
                return False
        return True


class _Refusing(filters.BaseFilter):
    """What lets no host through."""

    def filter_all(self, filter_obj_list: Any, spec_obj: Any) -> list[Any]:
        _COUNTS['refusing asked'] += 1
        return []


class _NUMAOurs(_Standing):
    STANDING_IN = (
        HugePagesFilter,
        CPUPinningFilter,
        PCINUMAFilter,
        NUMAFitFilter,
    )


class _PCIOurs(_Standing):
    STANDING_IN = (PCINUMAFilter,)


class _RefusingHosts(_Standing):
    STANDING_IN = (_Refusing,)


_IN_PLACE = {
    'ours': (_NUMAOurs, _PCIOurs),
    'refuse': (_RefusingHosts, _RefusingHosts),
}


def _stand_in(mode: str) -> None:
    for module, name, cls in zip(
        (numa_topology_filter, pci_passthrough_filter),
        ('NUMATopologyFilter', 'PciPassthroughFilter'),
        _IN_PLACE[mode],
        strict=True,
    ):
        setattr(module, name, type(name, (cls,), {}))


def _change_defaults(*, weighers: bool) -> None:
    """Change what Nova's fixture sets for each test, once it has."""
    set_up = conf_fixture.ConfFixture.setUp

    def changed(self: Any) -> None:
        set_up(self)
        # pip puts it there, and not beside the packages.
        paste = os.path.join(sys.prefix, 'etc', 'nova', 'api-paste.ini')
        self.conf.set_default('api_paste_config', paste, group='wsgi')
        if weighers:
            self.conf.set_default(
                'weight_classes',
                [
                    'nova.scheduler.weights.all_weighers',
                    'nfv_sched.weighers.all_weighers',
                ],
                group='filter_scheduler',
            )

    conf_fixture.ConfFixture.setUp = changed


def _write_counts(path: str) -> None:
    with open(path, 'a', encoding='utf-8') as file:
        file.writelines(
            f'{number}\t{name}\n' for name, number in sorted(_COUNTS.items())
        )


def _install(mode: str) -> None:
    if mode != 'stock':
        _stand_in(mode)
    _change_defaults(weighers=mode == 'ours')
    # Not serving: each test has its own databases, which no thread may read.
    process.replace(process.SchedulerProcess())
    if path := os.environ.get('NFV_FILTERS_COUNTS'):
        atexit.register(_write_counts, path)


_install(os.environ.get('NFV_FILTERS', 'ours'))
