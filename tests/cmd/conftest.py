"""The commands on a simulated cloud, as an operator types them."""

from collections.abc import Callable
from collections.abc import Iterator
import json
import pathlib
from typing import Any

from nova import context as nova_context
from nova import objects
import pytest

from nfv_sched.cmd.main import main
from nfv_sched.nova import config as nova_config
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.removal import prune
from nfv_sched.sim import boot_request
from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import Cloud
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.served import cloud_named
from nfv_sched_testing.served import placement_of
from tests.cmd.forked import forked  # noqa: F401 - a fixture

SMALL = """
about: two cells, four cores and 8 GiB of 1 GiB pages each, VFs on cell 1
smt: {threads: 2, stride: 8}
dedicated: 1-3,5-7,9-11,13-15
shared: 0,4,8,12
disk_gib: 200
cells:
- {id: 0, cpus: '0-3,8-11', memory_mib: 16384, socket: 0,
   pages: {1G: 8, 2M: 1024}}
- {id: 1, cpus: '4-7,12-15', memory_mib: 16384, socket: 1,
   pages: {1G: 8, 2M: 1024}}
nics:
- {address: '0000:81:00.0', cell: 1, ids: '8086:1572', vfs: 4,
   vf_ids: '8086:154c', physnet: physnet1}
"""


@pytest.fixture(scope='package')
def cloud() -> Iterator[Cloud]:
    """Three small hosts in two racks, without guests."""
    options = settings.profile_options(settings.NFV)
    options['nfv_sched.failure_domains'] = ['rack']
    with (
        simulated_cloud(aliases=flavors.aliases(), options=options) as running,
        # The cloud's own options end with the making of its scheduler.
        settings.override(options),
    ):
        for number in range(3):
            running.add_host(f'cmp-{number}', machine.parse('small', SMALL))
        running.add_aggregate('r1', ['cmp-0', 'cmp-1'], {'rack': 'R1'})
        running.add_aggregate('r2', ['cmp-2'], {'rack': 'R2'})
        yield running


@pytest.fixture
def run(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Any]:
    """Run a command: its JSON, or text if a format is given."""
    monkeypatch.setattr(nova_config, 'configure', lambda files: None)
    monkeypatch.setattr(
        nova_config, 'placement_adapter', lambda: cloud.placement
    )

    def typed(*words: str, code: int = 0) -> Any:
        chosen = '-f' in words or '--help' in words
        more = () if chosen else ('-f', 'json')
        assert main([*words, *more]) == code
        out, err = capsys.readouterr()
        typed.err = err  # type: ignore[attr-defined]
        return out if chosen or (code and not out) else json.loads(out)

    return typed


@pytest.fixture
def second_cell(cloud: Cloud) -> Iterator[str]:
    """A cell whose database is not there: how its problem begins."""
    cell = objects.CellMapping(
        cloud.context,
        uuid='00000000-0000-4000-8000-00000000ce12',
        name='cell2',
        transport_url='none:///',
        database_connection='sqlite:////nowhere/at/all.sqlite',
        disabled=False,
    )
    cell.create()
    yield 'Nova cell cell2 cannot be read: '
    cell.destroy()
    nova_context.CELL_CACHE.pop(cell.uuid, None)


@pytest.fixture
def guests_of(cloud: Cloud) -> Iterator[Callable[..., list[Any]]]:
    """Boot guests that end with the test, their requests stored."""
    stored = []

    def boot(count: int = 1, **values: Any) -> list[Any]:
        given = {'name': 'tenant', 'vcpus': 2, 'ram_mib': 2048, **values}
        request = {
            name: given.pop(name)
            for name in ('ports', 'group', 'image')
            if name in given
        }
        flavor = boot_request.SimulatedFlavor(disk_gib=1, **given)
        booted = []
        for _ in range(count):
            [guest] = cloud.boot(flavor, **request)
            assert guest.booted, guest.error
            spec = cloud.request_spec(flavor, uuids=[guest.uuid], **request)
            spec.create()
            booted.append(guest)
            stored.append((guest, spec))
        return booted

    yield boot
    for guest, spec in stored:
        spec.destroy()
        cloud.delete(guest)


@pytest.fixture
def flavors_of(cloud: Cloud) -> Iterator[Callable[..., None]]:
    """Create flavors of two CPUs and 2 GiB that end with the test."""
    created = []

    def create(*names: str, **values: Any) -> None:
        for name in names:
            flavor = objects.Flavor(
                cloud.context,
                **{
                    'name': name,
                    'flavorid': f'id-{name}',
                    'vcpus': 2,
                    'memory_mb': 2048,
                    'root_gb': 1,
                    'ephemeral_gb': 0,
                    'swap': 0,
                    'rxtx_factor': 1.0,
                    'vcpu_weight': 0,
                    'disabled': False,
                    'is_public': True,
                    'extra_specs': {},
                    **values,
                },
            )
            flavor.create()
            created.append(flavor)

    yield create
    for flavor in created:
        flavor.destroy()


@pytest.fixture
def lab(
    cloud: Cloud, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """A cloud of clouds.yaml: Placement, and Nova's API.

    Call it to publish the hosts, with the names of flavors that there are.
    """
    placement = placement_of(cloud)
    flavors: list[dict[str, Any]] = []

    def application(environ: Any, start_response: Any) -> Any:
        if environ['PATH_INFO'] != '/flavors/detail':
            return placement(environ, start_response)
        start_response('200 OK', [('Content-Type', 'application/json')])
        return [json.dumps({'flavors': flavors}).encode()]

    client = PlacementClient(cloud.placement)

    def fill(*names: str) -> None:
        publish(client, cloud.topologies())
        for name in names:
            flavor = {'name': name, 'id': f'id-{name}', 'vcpus': 2}
            more = {'ram': 4096, 'disk': 1, 'extra_specs': HUGE}
            flavors.append({**flavor, **more})

    with cloud_named('lab', application, tmp_path, monkeypatch):
        yield fill
    prune(client, [])


@pytest.fixture
def running_of(
    cloud: Cloud,
    flavors_of: Callable[..., None],
    guests_of: Callable[..., list[Any]],
) -> Callable[..., list[Any]]:
    """Boot instances of ``net``, a flavor of the API database."""
    flavors_of('net', extra_specs=HUGE)
    flavor = objects.Flavor.get_by_name(cloud.context, 'net')

    def boot(count: int, **values: Any) -> list[Any]:
        given = {'name': 'net', 'extra_specs': HUGE, **values}
        guests = guests_of(count, **given)
        for guest in guests:
            instance = objects.Instance.get_by_uuid(
                cloud.cell_context, guest.uuid
            )
            instance.instance_type_id = flavor.id
            instance.save()
        return guests

    return boot
