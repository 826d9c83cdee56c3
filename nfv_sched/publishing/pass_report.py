"""The numbers of one pass."""

import dataclasses

from nfv_sched.placement.publisher import HostPublishReport


@dataclasses.dataclass(slots=True)
class PassReport:
    """One pass of a publisher.

    ``kind`` is ``full`` or ``changed``. ``hosts`` counts all hosts,
    ``checked`` those that were compared with Placement: the others have not
    changed since the last comparison. Of the checked hosts ``unchanged``
    needed no write, ``usage`` one write of their usage, ``written`` more, and
    ``failed`` could not be published; ``skipped`` hosts could not be read.
    ``writes`` counts the requests that changed Placement, ``conflicts`` the
    concurrent writes by other clients, ``incomplete`` the incomplete trees
    that were found, ``clamped`` the amounts of usage that were cut to the
    capacity, ``removed`` the orphaned trees that were removed.
    """

    kind: str
    hosts: int = 0
    checked: int = 0
    unchanged: int = 0
    usage: int = 0
    written: int = 0
    failed: int = 0
    skipped: int = 0
    writes: int = 0
    conflicts: int = 0
    incomplete: int = 0
    clamped: int = 0
    removed: int = 0
    seconds: float = 0.0
    problems: list[str] = dataclasses.field(default_factory=list)
    finished: bool = False

    def count(self, host: HostPublishReport) -> None:
        """Add what was done for one host."""
        self.checked += 1
        match host.outcome:
            case 'unchanged':
                self.unchanged += 1
            case 'usage':
                self.usage += 1
            case 'written':
                self.written += 1
            case _:
                self.failed += 1
        self.writes += len(host.calls)
        self.conflicts += host.conflicts
        self.incomplete += host.incomplete
        self.clamped += host.clamped

    def __str__(self) -> str:
        """The line that a pass logs."""
        state = 'done' if self.finished else 'not finished'
        names = (
            'checked',
            'unchanged',
            'usage',
            'written',
            'failed',
            'skipped',
            'removed',
            'writes',
            'conflicts',
            'incomplete',
            'clamped',
        )
        counts = ', '.join(f'{getattr(self, name)} {name}' for name in names)
        hosts = '1 host' if self.hosts == 1 else f'{self.hosts} hosts'
        return (
            f'Pass ({self.kind}) {state} in {self.seconds:.1f} s: '
            f'{hosts}, {counts}'
        )
