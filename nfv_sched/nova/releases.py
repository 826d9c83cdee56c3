"""What differs between releases of Nova, by their service versions."""

from nova.objects import service

# The service version of Nova 33 (2026.1): nova.objects.service.
_NOVA_33 = 72


def claims_sort_by_devices(service_version: int | None) -> bool:
    """Whether a claim sorts NUMA nodes by devices for every instance.

    Up to Nova 33, ``Claim._test_numa_topology`` shows the host's devices to
    ``numa_fit_instance_to_host`` only for an instance that asks for devices
    (Nova bug 2144660).

    :param service_version: of the host's nova-compute; None where it is not
        known, which is taken to be that of the installed release
    """
    if service_version is None:
        service_version = service.SERVICE_VERSION
    return service_version > _NOVA_33


def live_claims_have_limits() -> bool:
    """Whether the claim of a live migration has the scheduler's limits.

    Up to Nova 33, nova-conductor asks for the claim before it reads the limits
    of the selected host (``LiveMigrationTask._find_destination``). Its release
    is taken to be the installed one.
    """
    installed: int = service.SERVICE_VERSION
    return installed > _NOVA_33
