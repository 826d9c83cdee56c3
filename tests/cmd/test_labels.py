"""``nfv-sched labels``: what it prints is what Nova reads as labels."""

import configparser

from nova.conf import neutron
from oslo_config import cfg
import pytest
import yaml

from nfv_sched.cmd import labels_action
from nfv_sched.model import Cell
from nfv_sched.nova import node_labels
from nfv_sched.sysfs import SysfsHost

INI = """\
# cmp-0, cmp-1, cmp-2: NUMA nodes 0, 1

[neutron]
physnets = nfv-node-0,nfv-node-1,nfv-not-0,nfv-not-1

[neutron_physnet_nfv-node-0]
numa_nodes = 0

[neutron_physnet_nfv-node-1]
numa_nodes = 1

[neutron_physnet_nfv-not-0]
numa_nodes = 1

[neutron_physnet_nfv-not-1]
numa_nodes = 0
"""


def test_the_hosts_of_one_kind_have_one_set_of_labels(run):
    assert run('labels', '-f', 'ini') == INI


def test_hosts_are_selected_by_name(run):
    text = run('labels', 'cmp-[01]', '-f', 'ini')
    assert text.startswith('# cmp-0, cmp-1: NUMA nodes 0, 1\n')
    run('labels', 'cmp-11', '-f', 'ini', code=1)
    assert 'did you mean cmp-1' in run.err


def test_documents_have_the_same_settings(run):
    document = yaml.safe_load(run('labels', '-f', 'yaml'))
    assert run('labels') == document
    [kind] = document['kinds']
    parser = configparser.ConfigParser()
    parser.read_string(INI)
    assert kind == {
        'hosts': ['cmp-0', 'cmp-1', 'cmp-2'],
        'numa_nodes': [0, 1],
        'physnets': [],
        'nova_conf': {name: dict(parser[name]) for name in parser.sections()},
    }


def nova_reads(path, nodes):
    """The labels of each node, as nova-compute's driver reads nova.conf."""
    conf = cfg.ConfigOpts()
    conf.register_opts(neutron.ALL_OPTS, neutron.neutron_group)
    conf(['--config-file', str(path)], project='nova')
    neutron.register_dynamic_opts(conf)
    physnets = {node: set() for node in nodes}
    for name in conf.neutron.physnets:
        group = getattr(conf, f'neutron_physnet_{name}')
        for node in group.numa_nodes:
            physnets[int(node)].add(name)
    return physnets


@pytest.mark.parametrize('nodes', [(0, 1), (0, 1, 2, 3), (1, 4, 6, 7)])
def test_nova_reads_complete_labels(nodes, tmp_path, monkeypatch, run):
    class Node:
        def __init__(self, number):
            self.id = number

    machine = SysfsHost(None, tuple(map(Node, nodes)), ())
    monkeypatch.setattr(labels_action.sysfs, 'read', lambda: machine)
    path = tmp_path / 'nova.conf'
    path.write_text(run('labels', '--local', '-f', 'ini'))
    cells = [
        Cell(node, 1024, labels=frozenset(names))
        for node, names in nova_reads(path, nodes).items()
    ]
    assert node_labels.are_complete(cells)


def test_one_node_has_no_labels(monkeypatch, run):
    class Node:
        id = 0

    machine = SysfsHost(None, (Node(),), ())
    monkeypatch.setattr(labels_action.sysfs, 'read', lambda: machine)
    text = run('labels', '--local', '-f', 'ini')
    assert '[' not in text
    assert 'no labels' in text


def test_networks_that_are_declared_already_stay():
    kind = labels_action.HostKind((0, 1), ('physnet1', 'physnet2'))
    physnets = labels_action._sections(kind)['neutron']['physnets'].split(',')
    assert physnets[:2] == ['physnet1', 'physnet2']
    assert len(physnets) == 6
