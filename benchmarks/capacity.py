"""Hold the capacity that is told against what the scheduler places.

Random small clouds with random guests: the number that
``nfv-sched capacity`` tells is booted, each guest through the real scheduler
and claim, and the next one has to be refused. Every refusal is explained,
with counts that add up to all hosts.
"""

import argparse
import logging
import sys
import time
import warnings

from rich.progress import track

from nfv_sched_testing.capacity_trials import Trial
from nfv_sched_testing.capacity_trials import trials


def main() -> int:
    """Run the trials; the exit code is 1 if any was not exact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--clouds', type=int, default=200)
    parser.add_argument('--seed', type=int, default=1)
    parsed = parser.parse_args()
    warnings.simplefilter('ignore')
    logging.disable(logging.CRITICAL)
    begin = time.perf_counter()
    found: list[Trial] = []
    seeds = range(parsed.seed, parsed.seed + parsed.clouds)
    for seed in track(seeds, 'clouds'):
        found += trials(seed)
    wrong = [trial for trial in found if not trial.exact]
    for trial in wrong:
        sys.stdout.write(f'{trial}\n')
    guests = sum(trial.placed for trial in found)
    sys.stdout.write(
        f'{parsed.clouds} clouds, {len(found)} flavors, {guests} guests '
        f'placed, {len(wrong)} not exact, '
        f'{time.perf_counter() - begin:.0f} s\n'
    )
    return int(bool(wrong))


if __name__ == '__main__':
    sys.exit(main())
