"""The dashboard is what its module makes, and Grafana can import it."""

import importlib
import json
import os
import pathlib

import pytest

from nfv_sched import exporter
from nfv_sched.exporter import dashboard

SHIPPED = pathlib.Path(exporter.__file__).parent / 'grafana' / 'nfv-sched.json'


@pytest.fixture(scope='module')
def shipped():
    if os.environ.get('NFV_GOLDEN') == 'write':
        SHIPPED.write_text(dashboard.text())
    return json.loads(SHIPPED.read_text())


def test_the_shipped_dashboard_is_what_the_module_makes(shipped):
    assert shipped == dashboard.dashboard()


def lost(given, read, path=''):
    """What a reader of the dashboard does not keep as it is."""
    if isinstance(given, dict) and isinstance(read, dict):
        for key, value in given.items():
            if key not in read:
                yield f'{path}/{key}'
            else:
                yield from lost(value, read[key], f'{path}/{key}')
    elif isinstance(given, list) and isinstance(read, list):
        if len(given) != len(read):
            yield path
        for place, (one, other) in enumerate(zip(given, read, strict=False)):
            yield from lost(one, other, f'{path}/{place}')
    elif given != read:
        yield path


def test_grafanas_own_model_of_dashboards_keeps_all_of_it(shipped):
    models = pytest.importorskip('grafana_foundation_sdk.models.dashboard')
    encoder = importlib.import_module('grafana_foundation_sdk.cog.encoder')
    plugins = importlib.import_module('grafana_foundation_sdk.cog.plugins')
    plugins.register_default_plugins()
    model = models.Dashboard.from_json(shipped)
    kept = json.loads(encoder.JSONEncoder().encode(model))
    assert list(lost(shipped, kept)) == []


def test_no_two_panels_have_one_id_or_one_place(shipped):
    panels = shipped['panels']
    assert len({panel['id'] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        grid = panel['gridPos']
        assert grid['x'] + grid['w'] <= 24
        cells = {
            (x, y)
            for x in range(grid['x'], grid['x'] + grid['w'])
            for y in range(grid['y'], grid['y'] + grid['h'])
        }
        assert not cells & taken, panel['title']
        taken |= cells


def test_each_query_of_a_panel_has_a_name_of_its_own(shipped):
    for panel in shipped['panels']:
        names = [target['refId'] for target in panel.get('targets', ())]
        assert len(set(names)) == len(names)
