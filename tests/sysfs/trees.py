"""Sysfs trees: recorded ones, and small ones written for a test."""

import dataclasses
import functools
import json
import pathlib
import re
import tarfile
import tempfile

import pytest

from nfv_sched import sysfs

TOPOLOGIES = (
    pathlib.Path(__file__).resolve().parents[3] / 'shared' / 'topologies'
)
#: From a second worktree the relative path is another one.
if not TOPOLOGIES.exists():
    TOPOLOGIES = pathlib.Path('/work/shared/topologies')


def recorded():
    """The names of all recorded machines; a skipped one if there are none."""
    names = sorted(p.stem for p in (TOPOLOGIES / 'expected').glob('*.json'))
    if not names:
        reason = f'the recorded topologies are not at {TOPOLOGIES}'
        return [
            pytest.param('none', marks=pytest.mark.skip(reason=reason)),
        ]
    return names


def facts(name):
    return json.loads((TOPOLOGIES / 'expected' / f'{name}.json').read_text())


#: The files that the reader opens, of 200,000 recorded ones.
_READ = re.compile(
    r"""
    .*/system/cpu/(online|present)
    | .*/system/cpu/cpu\d+/(online|topology/(thread_siblings.*|physical_.*))
    | .*/system/cpu/cpu\d+/cache/index\d/(level|type|id|shared_.*)
    | .*/system/node/(online|node\d+/(cpu.*|distance|meminfo|hugepages/.*))
    | .*/bus/pci/devices/[^/]+
    | .*/(pci.*:|bus/pci/devices/).*/
      (vendor|device|numa_node|driver|physfn|virtfn\d+
       |sriov_totalvfs|net/[^/]+(/speed)?)
    """,
    re.VERBOSE,
)


def unpack(name, folder):
    """Unpack the files that the reader opens; returns the path of ``sys``."""
    (archive,) = (TOPOLOGIES / 'archives').glob(f'{name}.t*')
    with tarfile.open(archive) as tar:
        for member in tar:
            if not _READ.fullmatch(member.name):
                continue
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            # tar.extract would set owners, modes and times: half the time.
            if member.isdir():
                path.mkdir(exist_ok=True)
            elif member.issym():
                path.symlink_to(member.linkname)
            elif member.isfile():
                path.write_bytes(tar.extractfile(member).read())
            else:
                tar.extract(member, folder, filter='tar')
    (system,) = folder.rglob('sys/devices/system')
    return system.parents[1]


@functools.cache
def machine(name):
    """A recorded machine as the reader sees it."""
    with tempfile.TemporaryDirectory() as folder:
        return sysfs.read(unpack(name, pathlib.Path(folder)))


def offline(machine, cpus):
    """The machine as the reader sees it while ``cpus`` are offline."""
    online = machine.cpus.online - cpus
    return dataclasses.replace(
        machine,
        cpus=dataclasses.replace(
            machine.cpus,
            online=online,
            l3=tuple(
                sorted(
                    (
                        dataclasses.replace(cache, cpus=cache.cpus & online)
                        for cache in machine.cpus.l3
                        if cache.cpus & online
                    ),
                    key=lambda cache: min(cache.cpus),
                )
            ),
        ),
        nodes=tuple(
            dataclasses.replace(
                node,
                cpus=node.cpus & online,
                offline=node.offline | node.cpus & cpus,
            )
            for node in machine.nodes
        ),
    )


def write(root, files):
    """Files by path below ``root``; a value that is a Path is a link."""
    for name, value in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(value, pathlib.Path):
            path.symlink_to(value)
        else:
            path.write_text(f'{value}\n')
    return root


def plain(nodes=2, cpus=4):
    """Files of a machine: ``cpus`` of 2 threads on each of its ``nodes``."""
    system = 'devices/system'
    everything = nodes * cpus
    files = {
        f'{system}/cpu/present': f'0-{everything - 1}',
        f'{system}/cpu/online': f'0-{everything - 1}',
        f'{system}/node/online': f'0-{nodes - 1}',
    }
    for node in range(nodes):
        first = node * cpus
        at = f'{system}/node/node{node}'
        row = ['10' if other == node else '21' for other in range(nodes)]
        files |= {
            f'{at}/cpulist': f'{first}-{first + cpus - 1}',
            f'{at}/distance': ' '.join(row),
            f'{at}/meminfo': f'Node {node} MemTotal:  {(node + 1) << 20} kB',
            f'{at}/hugepages/hugepages-2048kB/nr_hugepages': 8 * node,
            f'{at}/hugepages/hugepages-2048kB/free_hugepages': 4 * node,
        }
        for cpu in range(first, first + cpus):
            core = cpu - cpu % 2
            at = f'{system}/cpu/cpu{cpu}'
            files |= {
                f'{at}/topology/thread_siblings_list': f'{core}-{core + 1}',
                f'{at}/topology/physical_package_id': node,
                f'{at}/cache/index3/level': 3,
                f'{at}/cache/index3/type': 'Unified',
                f'{at}/cache/index3/shared_cpu_list': (
                    f'{first}-{first + cpus - 1}'
                ),
            }
    return files


def device(address, node=0, **more):
    """Files of one PCI device."""
    values = {
        'vendor': '0x8086',
        'device': '0x158b',
        'numa_node': node,
        **more,
    }
    return {
        f'bus/pci/devices/{address}/{name}': value
        for name, value in values.items()
        if value is not None
    }
