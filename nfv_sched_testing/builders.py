"""Plain hosts and guests in Nova's objects, for tests that spell them out."""

import uuid

from nova import objects

from nfv_sched import fit
from nfv_sched.fit import candidates
from nfv_sched.model import Host
from nfv_sched.nova import host_states
from nfv_sched.nova import releases
from nfv_sched.nova import request_spec
from nfv_sched_testing import nova_oracle

GIB = 1024 * 1024


def host_cell(
    cell_id, cores=1, threads=1, memory=4096, pinned=(), pages=None, **fields
):
    """A cell of dedicated CPUs numbered from 100 times its id.

    ``pages`` maps huge page sizes in KiB to free pages; None leaves out
    page pools altogether, small ones too.
    """
    first = cell_id * 100
    siblings = [
        set(range(first + core * threads, first + (core + 1) * threads))
        for core in range(cores)
    ]
    pools = {4: memory * 256, **pages} if pages is not None else {}
    return objects.NUMACell(
        **{
            'id': cell_id,
            'cpuset': set(),
            'pcpuset': set().union(*siblings),
            'pinned_cpus': {first + cpu for cpu in pinned},
            'siblings': siblings,
            'memory': memory,
            'memory_usage': 0,
            'cpu_usage': 0,
            'socket': 0,
            'mempages': [
                objects.NUMAPagesTopology(
                    size_kb=size, total=total, used=0, reserved=0
                )
                for size, total in pools.items()
            ],
            **fields,
        }
    )


def guest_cell(index, cpus=1, memory=512, **fields):
    """A guest cell of dedicated CPUs numbered from 100 times its index."""
    return objects.InstanceNUMACell(
        **{
            'id': index,
            'cpuset': set(),
            'pcpuset': set(range(index * 100, index * 100 + cpus)),
            'memory': memory,
            'cpu_policy': 'dedicated',
            **fields,
        }
    )


def device(address, dev_type, node, parent=None, product='1572'):
    return objects.PciDevice(
        address=address,
        vendor_id='8086',
        product_id=product,
        dev_type=dev_type,
        numa_node=node,
        parent_addr=parent,
        extra_info={},
        compute_node_id=1,
        status='available',
    )


def device_request(number=1, **spec):
    return objects.InstancePCIRequest(
        count=number,
        spec=[spec],
        alias_name='alias',
        request_id=f'00000000-0000-0000-0000-{id(spec) % 10**12:012}',
        numa_policy='required',
    )


def scene(host_cells, guest_cells, devices=(), requested=(), **topology):
    """A host and a request for it."""
    numa = objects.NUMATopology(cells=list(host_cells))
    return nova_oracle.Scene(
        topology=numa,
        stats=nova_oracle.stats_for(
            numa, devices, [{'address': '*:*:*.*'}] if devices else ()
        ),
        spec=objects.RequestSpec(
            flavor=objects.Flavor(extra_specs={}),
            numa_topology=objects.InstanceNUMATopology(
                cells=list(guest_cells), **topology
            ),
            pci_requests=objects.InstancePCIRequests(requests=list(requested)),
            network_metadata=objects.NetworkMetadata(
                physnets=set(), tunneled=False
            ),
        ),
    )


PORT = '00000000-0000-0000-0000-000000000042'


def device_candidate(request, names, providers):
    """An allocation candidate that gives devices to a PCI request.

    :param request: the uuid of the request
    :param names: of the devices, which the candidate holds, too
    :param providers: the uuids of their providers by name
    """
    return {
        'names': names,
        'allocations': {
            providers[name]: {'resources': {'CUSTOM_PCI': 1}} for name in names
        },
        'mappings': {
            '': ['root'],
            **{
                f'{request}-{n}': [providers[name]]
                for n, name in enumerate(names)
            },
        },
    }


def bandwidth_provider(interface):
    """The provider of an interface's bandwidth."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, interface))


def bandwidth_candidate(interface):
    """The allocation candidate with the bandwidth of an interface."""
    return {
        'interface': interface,
        'allocations': {},
        'mappings': {'': ['root'], PORT: [bandwidth_provider(interface)]},
    }


def bandwidth_scene(policy='required'):
    """An SR-IOV port with a guaranteed bandwidth.

    One VF of ens0 is on cell 0, one of ens1 on cell 1, none of ens2; only
    cell 1 has a free CPU.
    """
    functions = [
        device(f'0000:8{n}:02.0', 'type-VF', n, parent=f'0000:8{n}:00.0')
        for n in range(2)
    ]
    for n, function in enumerate(functions):
        function.extra_info = {'parent_ifname': f'ens{n}'}
    example = scene(
        [
            host_cell(0, cores=1, pinned={0}, pages={}),
            host_cell(1, cores=1, pages={}),
        ],
        [guest_cell(0)],
        functions,
        [
            objects.InstancePCIRequest(
                count=1,
                spec=[{'remote_managed': 'False'}],
                request_id='00000000-0000-0000-0000-000000000043',
                requester_id=PORT,
                numa_policy=policy,
            )
        ],
    )
    example.spec.requested_resources = [
        objects.RequestGroup(
            requester_id=PORT,
            use_same_provider=True,
            resources={'NET_BW_EGR_KILOBIT_PER_SEC': 1000},
        )
    ]
    interfaces = ('ens0', 'ens1', 'ens2')
    example.candidates = tuple(map(bandwidth_candidate, interfaces))
    example.names = {'root': 'host'} | {
        bandwidth_provider(name): f'host:NIC Switch agent:{name}'
        for name in interfaces
    }
    return example


def host_of(scene):
    """The scene's host as the fit sees it."""
    return Host(
        name='host',
        cells=host_states.cells_of(scene.topology) if scene.topology else (),
        pools=host_states.pools_of(scene.stats.pools),
        cpu_allocation_ratio=scene.cpu_ratio,
        ram_allocation_ratio=scene.ram_ratio,
        claims_sort_by_devices=releases.claims_sort_by_devices(
            scene.service_version
        ),
    )


def refusal_of(scene, candidate):
    """Why the claim fails with an allocation candidate; None if not."""
    fit_request = fit.FitRequest(request_spec.read_guest(scene.spec))
    chosen = candidates.providers(fit_request, candidate, scene.names.get)
    return fit.Evaluation(fit_request, host_of(scene)).refusal(chosen)


def evaluate(scene, **options):
    """Our verdict."""
    return fit.evaluate(
        request_spec.read_guest(scene.spec), host_of(scene), **options
    )


def nova_fit(scene, provider_mapping=None):
    """What the stock NUMATopologyFilter would look at."""
    return nova_oracle.hardware.numa_fit_instance_to_host(
        scene.topology.obj_clone(),
        scene.spec.numa_topology.obj_clone(),
        provider_mapping=provider_mapping,
        limits=scene.limits(),
        pci_requests=scene.requests,
        pci_stats=nova_oracle.by_count(scene.stats),
    )
