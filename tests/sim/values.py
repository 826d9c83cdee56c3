"""Nova's objects as values that compare."""


def of_topology(topology):
    """All that a NUMATopology says."""
    return [
        (
            cell.id,
            cell.socket,
            cell.cpuset,
            cell.pcpuset,
            cell.pinned_cpus,
            cell.cpu_usage,
            cell.memory,
            cell.memory_usage,
            [set(core) for core in cell.siblings],
            [
                (pool.size_kb, pool.total, pool.used, pool.reserved)
                for pool in cell.mempages
            ],
            (cell.network_metadata.physnets, cell.network_metadata.tunneled),
        )
        for cell in topology.cells
    ]
