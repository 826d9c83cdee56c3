"""Exit codes of the commands.

Those of ``nfv-sched check`` are the codes of ``nova-status upgrade check``.
"""

import enum


class ExitCode(enum.IntEnum):
    """What the end of a command means."""

    #: Everything was read, and the answer is not NO.
    OK = 0
    #: The command failed, or something could not be read or written.
    ERROR = 1
    #: The command line is invalid; argparse's own code.
    USAGE = 2
    #: The answer is no: too few fit, or an instance has no host.
    NO = 3
