"""What operators see of the cloud."""

import json


def published(plane):
    listed = plane.cloud.placement.get(
        '/resource_providers?resources=CUSTOM_NFV_TOPOLOGY:1',
        microversion='1.39',
    )
    # The class is not there before the first pass.
    found = listed.json()['resource_providers'] if listed.ok else []
    return {one['name'].removesuffix(':nfv') for one in found}


def test_the_publisher_publishes_every_host(plane):
    plane.processes.wait(
        'nfv-sched-publisher', lambda: published(plane) == set(plane.hosts)
    )


def test_publishing_again_writes_nothing(plane):
    test_the_publisher_publishes_every_host(plane)
    found = plane.run(
        'nfv-sched',
        'publish',
        f'--config-file={plane.nova_conf}',
        '--format=json',
    )
    outcomes = {row['Outcome'] for row in json.loads(found)}
    assert outcomes == {'unchanged'}
