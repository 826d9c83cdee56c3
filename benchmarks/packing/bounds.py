"""Upper bounds on what any scheduler could place."""

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
from scipy import optimize
from scipy import sparse

from benchmarks.packing import model
from benchmarks.packing.clouds import Cloud
from benchmarks.packing.computes import Shape


def fluid(
    cloud: Cloud, shapes: Sequence[Shape], weights: Mapping[str, float]
) -> float:
    """How many guests of a mix fit if guests could be split at will."""
    share = np.array([weights[shape.name] for shape in shapes], dtype=float)
    share /= share.sum()
    models = [
        (model.host_model(machine, shapes), hosts)
        for machine, hosts in cloud.kinds
    ]
    # One more variable: the number of guests.
    size = sum(one.size for one, _ in models)
    below = sparse.block_diag([one.below for one, _ in models])
    equal = sparse.block_diag([one.equal for one, _ in models])
    limits = np.concatenate([one.limits * hosts for one, hosts in models])
    total = sparse.lil_matrix((len(shapes), size + 1))
    offset = 0
    for one, _ in models:
        for place, count in enumerate(one.counts):
            total[place, offset + count] = 1.0
        offset += one.size
    total[:, size] = -share.reshape(-1, 1)
    pad = sparse.csr_matrix((below.shape[0], 1))
    pad_equal = sparse.csr_matrix((equal.shape[0], 1))
    objective = np.zeros(size + 1)
    objective[size] = -1.0
    found = optimize.linprog(
        objective,
        A_ub=sparse.hstack([below, pad]),
        b_ub=limits,
        A_eq=sparse.vstack([sparse.hstack([equal, pad_equal]), total.tocsr()]),
        b_eq=np.zeros(equal.shape[0] + len(shapes)),
    )
    return float(-found.fun)
