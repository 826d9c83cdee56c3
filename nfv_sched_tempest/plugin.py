"""What tempest loads, by the entry point ``tempest.test_plugins``."""

import pathlib
from typing import Any

from tempest.test_discover import plugins

from nfv_sched_tempest import config


class Plugin(plugins.TempestPlugin):  # type: ignore[misc]
    """The scenarios and their options."""

    def load_tests(self) -> tuple[str, str]:
        """Where the tests are, and what they are relative to."""
        here = pathlib.Path(__file__).resolve().parent
        return str(here / 'tests'), str(here.parent)

    def register_opts(self, conf: Any) -> None:
        """Register our group."""
        conf.register_group(config.GROUP)
        conf.register_opts(config.OPTIONS, group=config.GROUP)

    def get_opt_lists(self) -> list[tuple[str, Any]]:
        """For the sample configuration."""
        return [(config.GROUP.name, config.OPTIONS)]
