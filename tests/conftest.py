"""What pytest does not collect; fixtures are nfv_sched_testing's."""

import os

# Nova's own functional tests are run by stestr, those with a control plane by
# tests/stack/run, and those in Nova's style by tests/upstream/test_reports.py.
collect_ignore = ['nova_functional', 'upstream/nova_tests']
if not os.environ.get('NFV_STACK'):
    collect_ignore.append('stack')
