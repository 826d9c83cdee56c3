"""Headroom as it is estimated, beside the claims that really succeed.

``python -m benchmarks.headroom`` draws random hosts and requests, estimates
how many such instances fit, claims them one after another, and prints by
kind of request how far the estimate is off. The estimate looks at each
resource by itself: where the claim's order wastes room, devices exclude each
other, or requests compete for the same devices, it is too high.
"""

import argparse
from collections.abc import Iterator
import dataclasses
import logging

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import seed as hypothesis_seed
from hypothesis import settings
import nova.conf
from rich.console import Console
from rich.table import Table

import benchmarks  # noqa: F401 - registers Nova's objects
from nfv_sched import fit
from nfv_sched.fit.headroom import headroom
from nfv_sched.fit.headroom import PLENTY
from nfv_sched.model import Guest
from nfv_sched.nova import request_spec
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import strategies
from nfv_sched_testing.repeated_claims import claims

#: Claims after which a host counts as one without a limit.
_MOST_CLAIMS = 60


@dataclasses.dataclass
class Deviation:
    """Of one kind of request: sums over hosts, and the worst host."""

    pairs: int = 0
    estimated: int = 0
    claimed: int = 0
    too_high: int = 0
    too_low: int = 0
    worst: int = 0

    def add(self, estimated: int, claimed: int) -> None:
        """Count one host."""
        self.pairs += 1
        self.estimated += estimated
        self.claimed += claimed
        self.too_high += estimated > claimed
        self.too_low += estimated < claimed
        self.worst = max(self.worst, abs(estimated - claimed))


def kinds(guest: Guest) -> Iterator[str]:
    """The kinds that a request is of."""
    alike = not any(fit.FitRequest(guest).shape_of)
    yield f'NUMA nodes: {len(guest.cells)}{"" if alike else ", unlike"}'
    if guest.cells:
        cell = guest.cells[0]
        yield f'CPU policy: {cell.cpu_policy}, threads {cell.thread_policy}'
        yield f'page size: {cell.page_size}'
    if guest.emulator_isolated:
        yield 'emulator threads: isolate'
    if len(guest.devices) > 1:
        yield 'devices: several requests'
    elif guest.devices:
        yield f'devices: one request, {guest.devices[0].policy}'
    if guest.physnets or guest.tunneled:
        yield 'networks'


def measure(pairs: int, seed: int) -> dict[str, Deviation]:
    """The deviation by kind of request."""
    deviations: dict[str, Deviation] = {}

    @hypothesis_seed(seed)
    @settings(
        database=None,
        deadline=None,
        max_examples=pairs,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(scene=strategies.scenes())
    def draw(scene: nova_oracle.Scene) -> None:
        guest = request_spec.read_guest(scene.spec)
        if guest.asks_nothing:
            return
        fit_request, host = fit.FitRequest(guest), builders.host_of(scene)
        claimed = claims(fit_request, host, _MOST_CLAIMS)
        estimated = headroom(fit_request, host)
        if claimed is not None and estimated < PLENTY:
            for kind in kinds(guest):
                deviations.setdefault(kind, Deviation()).add(
                    estimated, claimed
                )

    draw()
    return deviations


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--pairs', type=int, default=5_000)
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    nova.conf.CONF([], project='nova', default_config_files=[])
    table = Table(title='headroom')
    for field in ('kind', *(f.name for f in dataclasses.fields(Deviation))):
        table.add_column(
            field.replace('_', ' '),
            justify='left' if field == 'kind' else 'right',
        )
    for kind, deviation in sorted(measure(args.pairs, args.seed).items()):
        table.add_row(kind, *map(str, dataclasses.astuple(deviation)))
    Console().print(table)


if __name__ == '__main__':
    main()
