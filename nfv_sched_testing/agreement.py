"""Predictions compared with what a claim took."""


def assert_same(scene, placement, claimed, pools=None):
    """The claim takes the very cells, pages, CPUs and devices predicted.

    :param pools: those that the prediction numbers; None for the scene's
    """
    cells = claimed.topology.cells if claimed.topology else []
    assert [c.host_cell for c in placement.cells] == [c.id for c in cells]
    for predicted, got in zip(placement.cells, cells, strict=True):
        assert predicted.page_size_kib == (got.pagesize or None)
        assert dict(predicted.pinning) == (got.cpu_pinning or {})
        assert predicted.reserved == (got.cpuset_reserved or set())
    taken = sorted(
        (str(scene.requests[p.request].request_id), p.count, p.pool)
        for p in placement.devices
    )
    pools = pools or scene.stats.pools
    address_of = {i: pool['address'] for i, pool in enumerate(pools)}
    predicted = sorted(
        (request, address_of[pool], n)
        for request, count, pool in taken
        for n in range(count)
    )
    got, seen = [], {}
    for device in claimed.devices:
        address = device.parent_addr or device.address
        key = (str(device.request_id), address, device.dev_type)
        seen[key] = seen.get(key, -1) + 1
        got.append((key[0], address, seen[key]))
    assert predicted == sorted(got)
