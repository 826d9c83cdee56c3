"""The schedulers that are compared."""

from collections.abc import Mapping
import dataclasses
from typing import Any

_STOCK_WEIGHERS = 'nova.scheduler.weights.all_weighers'
_OUR_WEIGHERS = 'nfv_sched.weighers.all_weighers'
_GROUP = 'filter_scheduler'
_PACK = 'compute.packing_host_numa_cells_allocation_strategy'

_STOCK_FILTERS = ('NUMATopologyFilter', 'PciPassthroughFilter')
_OUR_FILTERS = (
    'HugePagesFilter',
    'CPUPinningFilter',
    'PCINUMAFilter',
    'NUMAFitFilter',
)

# As NFV guides stack guests, and keep hosts with devices for those who ask.
_STACKED = {
    f'{_GROUP}.ram_weight_multiplier': -1.0,
    f'{_GROUP}.cpu_weight_multiplier': -1.0,
    f'{_GROUP}.pci_weight_multiplier': 2.0,
}

# As the README tells operators.
_LEFT_TO_US = {
    f'{_GROUP}.ram_weight_multiplier': 0.0,
    f'{_GROUP}.cpu_weight_multiplier': 0.0,
    f'{_GROUP}.disk_weight_multiplier': 0.0,
    f'{_GROUP}.pci_weight_multiplier': 0.0,
}


@dataclasses.dataclass(frozen=True)
class Column:
    """One scheduler: filters, weighers, and Nova's other options.

    Filters that pass every host here (services that are up, images,
    capabilities, server groups) are left out. ``told`` is whether it knows
    from the start which flavors will come, and how often each; ``primed``
    whether it has counted earlier instances of the load, as a scheduler
    counts those that run when it starts; ``knows_flavors`` whether it has
    counted the flavors, as a scheduler does in a cloud where no instance
    runs. For a guest that finds no host
    ``most_moves`` others may be moved.
    """

    name: str
    about: str
    filters: tuple[str, ...]
    weighers: tuple[str, ...] = (_STOCK_WEIGHERS,)
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    told: bool = False
    primed: bool = False
    knows_flavors: bool = False
    most_moves: int = 0

    @property
    def stock(self) -> bool:
        """Whether the filters are Nova's."""
        return self.filters == _STOCK_FILTERS

    def with_options(self, options: Mapping[str, Any]) -> 'Column':
        """The same with more options."""
        return dataclasses.replace(self, options={**self.options, **options})


COLUMNS = {
    column.name: column
    for column in (
        Column('stock', 'stock at defaults', _STOCK_FILTERS),
        Column(
            'tuned-spread',
            'stock, hosts stacked, cells spread',
            _STOCK_FILTERS,
            options={**_STACKED, _PACK: False},
        ),
        Column(
            'tuned-pack',
            'stock, hosts stacked, cells packed',
            _STOCK_FILTERS,
            options={**_STACKED, _PACK: True},
        ),
        Column(
            'ours',
            'nfv_sched as the README says',
            _OUR_FILTERS,
            (_STOCK_WEIGHERS, _OUR_WEIGHERS),
            _LEFT_TO_US,
        ),
        Column(
            'ours-told',
            'the same, told the flavors of the load and their shares',
            _OUR_FILTERS,
            (_STOCK_WEIGHERS, _OUR_WEIGHERS),
            _LEFT_TO_US,
            told=True,
        ),
        Column(
            'ours-choosing',
            'nfv_sched as the README says, choosing NUMA nodes',
            _OUR_FILTERS,
            (_STOCK_WEIGHERS, _OUR_WEIGHERS),
            {**_LEFT_TO_US, 'nfv_sched.choose_nodes': True},
        ),
        Column(
            'choosing-told',
            'the same, told the flavors of the load and their shares',
            _OUR_FILTERS,
            (_STOCK_WEIGHERS, _OUR_WEIGHERS),
            {**_LEFT_TO_US, 'nfv_sched.choose_nodes': True},
            told=True,
        ),
        Column(
            'choosing-primed',
            'the same as ours-choosing, started where such instances ran',
            _OUR_FILTERS,
            (_STOCK_WEIGHERS, _OUR_WEIGHERS),
            {**_LEFT_TO_US, 'nfv_sched.choose_nodes': True},
            primed=True,
        ),
        Column(
            'choosing-new',
            'the same as ours-choosing, started where the flavors exist',
            _OUR_FILTERS,
            (_STOCK_WEIGHERS, _OUR_WEIGHERS),
            {**_LEFT_TO_US, 'nfv_sched.choose_nodes': True},
            knows_flavors=True,
        ),
        Column(
            'ours-pack',
            'nfv_sched, cells packed',
            _OUR_FILTERS,
            (_STOCK_WEIGHERS, _OUR_WEIGHERS),
            {**_LEFT_TO_US, _PACK: True},
        ),
        Column(
            'ours-moving',
            'as ours, and at most 2 moves for each refused instance',
            _OUR_FILTERS,
            (_STOCK_WEIGHERS, _OUR_WEIGHERS),
            _LEFT_TO_US,
            most_moves=2,
        ),
    )
}

#: Without the extra one, which is there to be asked for.
DEFAULT = ('stock', 'tuned-spread', 'tuned-pack', 'ours', 'ours-told')

STOCK = tuple(name for name, column in COLUMNS.items() if column.stock)
OURS = tuple(name for name in COLUMNS if name not in STOCK)
