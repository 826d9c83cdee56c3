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


@dataclasses.dataclass(frozen=True)
class Column:
    """One scheduler: filters, weighers, and Nova's other options.

    Filters that pass every host here (services that are up, images,
    capabilities, server groups) are left out.
    """

    name: str
    about: str
    filters: tuple[str, ...]
    weighers: tuple[str, ...] = (_STOCK_WEIGHERS,)
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

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
            'nfv_sched at defaults',
            _OUR_FILTERS,
            (_STOCK_WEIGHERS, _OUR_WEIGHERS),
        ),
        Column(
            'ours-pack',
            'nfv_sched, cells packed',
            _OUR_FILTERS,
            (_STOCK_WEIGHERS, _OUR_WEIGHERS),
            {_PACK: True},
        ),
    )
}

#: Without the extra one, which is there to be asked for.
DEFAULT = ('stock', 'tuned-spread', 'tuned-pack', 'ours')

STOCK = tuple(name for name, column in COLUMNS.items() if column.stock)
OURS = tuple(name for name in COLUMNS if name not in STOCK)
