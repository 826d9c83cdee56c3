"""What one pass did, in numbers."""

import dataclasses

from nfv_sched.placement.publisher import HostPublishReport


@dataclasses.dataclass(slots=True)
class PassReport:
    """One pass of a publisher.

    ``kind`` is ``full`` or ``changed``. ``hosts`` are all that there are,
    ``checked`` those that were compared with Placement: the others have not
    changed since they were. Of the checked ones ``unchanged`` needed nothing,
    ``usage`` one write of their usage, ``written`` more, and ``failed``
    could not be published; ``skipped`` hosts could not even be read.
    ``writes`` changed Placement, ``conflicts`` had to be read again,
    ``torn`` trees were found half written or changed by others, ``clamped``
    amounts of usage were cut to what there is, ``removed`` trees belonged to
    compute nodes that are gone.
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
    torn: int = 0
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
        self.torn += host.incomplete
        self.clamped += host.clamped

    def __str__(self) -> str:
        """The line that a pass leaves in the log."""
        state = 'done' if self.finished else 'given up'
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
            'torn',
            'clamped',
        )
        counts = ', '.join(f'{getattr(self, one)} {one}' for one in names)
        return (
            f'Pass ({self.kind}) {state} in {self.seconds:.1f} s: '
            f'{self.hosts} hosts, {counts}'
        )
