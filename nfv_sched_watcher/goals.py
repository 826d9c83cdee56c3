"""The goal that Watcher does not have."""

from watcher.decision_engine.goal import base
from watcher.decision_engine.goal.efficacy import specs


class MakeRoom(base.Goal):  # type: ignore[misc]
    """Room for more instances, by few migrations."""

    @classmethod
    def get_name(cls) -> str:
        """The name of the entry point."""
        return 'make_room'

    @classmethod
    def get_display_name(cls) -> str:
        """What people see."""
        return 'Make room'

    @classmethod
    def get_translatable_display_name(cls) -> str:
        """What people see."""
        return 'Make room'

    @classmethod
    def get_efficacy_specification(cls) -> specs.Unclassified:
        """No indicators: what is gained depends on what is asked for."""
        return specs.Unclassified()
