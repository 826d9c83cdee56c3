"""The order of the migrations in an action plan."""

from typing import Any

from watcher import objects
from watcher.common import utils
from watcher.decision_engine.planner import weight


class StepPlanner(weight.WeightPlanner):  # type: ignore[misc]
    """Schedules actions as the plan has them.

    Watcher's planners migrate two at a time, whatever each waits for.
    """

    @classmethod
    def get_config_opts(cls) -> list[Any]:
        """None: strategies have the number of migrations at a time."""
        return []

    def schedule(self, context: Any, audit_id: int, solution: Any) -> Any:
        """An action plan of one of our strategies' solutions."""
        action_plan = self.create_action_plan(context, audit_id, solution)
        actions = [
            objects.Action(
                context,
                uuid=utils.generate_uuid(),
                parents=[],
                action_plan_id=action_plan.id,
                **action,
            )
            for action in solution.actions
        ]
        for action, places in zip(
            actions, solution.strategy.parents, strict=True
        ):
            action.parents = [actions[place].uuid for place in places]
            action.create()
        self._create_efficacy_indicators(
            context, action_plan.id, solution.efficacy_indicators
        )
        if not actions:
            action_plan.state = objects.action_plan.State.SUCCEEDED
            action_plan.save()
        return action_plan
