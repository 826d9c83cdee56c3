"""What pytest does not collect; fixtures are nfv_sched_testing's."""

import os

# Nova's own functional tests are run by stestr, those with a control plane by
# tests/stack/run.
collect_ignore = ['nova_functional']
if not os.environ.get('NFV_STACK'):
    collect_ignore.append('stack')
