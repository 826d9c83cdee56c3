"""What the scenarios must know of the cloud."""

from oslo_config import cfg

GROUP = cfg.OptGroup('nfv_sched', title='nfv_sched')

OPTIONS = [
    cfg.StrOpt(
        'page_size',
        default='large',
        help='hw:mem_page_size of guests. Without huge pages on the hosts: '
        '"small".',
    ),
    cfg.IntOpt(
        'cells',
        default=2,
        min=1,
        help='NUMA cells of a host. With 1, scenarios with guests of two '
        'cells are skipped.',
    ),
    cfg.IntOpt(
        'memory_unit',
        default=1024,
        help='MiB of memory per guest cell: a multiple of the page size.',
    ),
    cfg.StrOpt(
        'alias',
        help='A PCI alias with the policy "required", of devices on every '
        'host. Without, scenarios with devices are skipped.',
    ),
]
