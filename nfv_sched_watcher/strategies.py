"""The strategies: one for each kind of plan that moves instances."""

import abc
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg
from watcher.common import exception
from watcher.decision_engine.strategy.strategies import base

from nfv_sched_watcher.program import Move
from nfv_sched_watcher.program import moves
from nfv_sched_watcher.program import Program
from nfv_sched_watcher.program import ProgramError

#: The entry point of our planner.
PLANNER = 'nfv_sched'

_OPTIONS = (
    cfg.StrOpt(
        'command',
        default='nfv-sched',
        help='The program nfv-sched, which may be in an environment of its '
        'own.',
    ),
    cfg.ListOpt(
        'config_files',
        default=['/etc/nova/nova.conf'],
        help='The configuration files of nova-scheduler.',
    ),
    cfg.IntOpt(
        'timeout', default=600, min=1, help='Seconds that a plan may take.'
    ),
)

#: The parameters that all strategies have.
_COMMON: dict[str, dict[str, Any]] = {
    'method': {
        'description': 'How instances may move; any prefers live migration.',
        'type': 'string',
        'enum': ['any', 'live', 'cold'],
        'default': 'any',
    },
    'leaving': {
        'description': 'The most instances that leave each host to make room.',
        'type': 'integer',
        'minimum': 0,
        'default': 2,
    },
    'seconds': {
        'description': 'The time that the search of options and each run of '
        'the solver may take.',
        'type': 'integer',
        'minimum': 1,
        'default': 10,
    },
    'partial': {
        'description': 'Whether to move what can be moved if an instance '
        'finds no host. Otherwise the audit fails.',
        'type': 'boolean',
        'default': False,
    },
    'parallel': {
        'description': 'The most migrations at a time.',
        'type': 'integer',
        'minimum': 1,
        'default': 1,
    },
}


class PlanError(exception.WatcherException):  # type: ignore[misc]
    """There is no plan."""

    msg_fmt = '%(why)s'


class PlanStrategy(base.BaseStrategy, metaclass=abc.ABCMeta):  # type: ignore[misc]
    """The moves of a plan of ``nfv-sched``.

    ``parents`` has, for each action of the solution, the places of those that
    it waits for. ``document`` is the plan.
    """

    #: The type of an action of Watcher's.
    CHANGE_SERVICE_STATE = 'change_nova_service_state'
    #: Of this kind of plan alone.
    parameters: dict[str, Any]
    required: Sequence[str]
    title: str
    entry_point: str
    goal_name: str

    def __init__(self, config: Any, osc: Any = None) -> None:
        super().__init__(config, osc)
        self.planner = PLANNER
        self.parents: list[list[int]] = []
        self.document: Mapping[str, Any] = {}

    @classmethod
    def get_name(cls) -> str:
        """The name of the entry point."""
        return cls.entry_point

    @classmethod
    def get_goal_name(cls) -> str:
        """The goal, which may be Watcher's or ours."""
        return cls.goal_name

    @classmethod
    def get_display_name(cls) -> str:
        """What people see."""
        return cls.title

    @classmethod
    def get_translatable_display_name(cls) -> str:
        """What people see."""
        return cls.title

    @classmethod
    def get_config_opts(cls) -> list[Any]:
        """Where the program is. No metrics are read."""
        return list(_OPTIONS)

    @classmethod
    def get_schema(cls) -> dict[str, Any]:
        """The parameters of an audit."""
        return {
            'type': 'object',
            'properties': {**cls.parameters, **_COMMON},
            'required': list(cls.required),
            'additionalProperties': False,
        }

    @abc.abstractmethod
    def words(self) -> Sequence[str]:
        """What to plan, by the parameters."""

    def pre_execute(self) -> None:
        """Refuse what cannot be honoured.

        :raises PlanError: the audit has a scope
        """
        if self.audit_scope:
            raise PlanError(
                why='A plan is of all hosts: the scope of the audit has to be '
                'empty'
            )

    def do_execute(self, audit: Any = None) -> None:
        """Plan.

        :raises PlanError: there is no plan, or not for all instances
        """
        config, given = self.config, self.input_parameters
        program = Program(config.command, config.config_files, config.timeout)
        options = {
            name: given.get(name, schema['default'])
            for name, schema in _COMMON.items()
        }
        words = [
            *self.words(),
            f'--method={options["method"]}',
            f'--leaving={options["leaving"]}',
            f'--seconds={options["seconds"]}',
        ]
        try:
            document = program.plan(words)
        except ProgramError as error:
            raise PlanError(why=str(error)) from error
        unplaced = document['unplaced']
        if unplaced and not options['partial']:
            raise PlanError(
                why='; '.join(
                    f'{each["name"]} finds no host: {each["why"]}'
                    for each in unplaced
                )
            )
        planned = moves(document)
        self.document = document
        for place, move in enumerate(planned):
            self._add(move)
            before = place - int(options['parallel'])
            self.parents.append(
                sorted({*move.after, *([before] if before >= 0 else [])})
            )
        self.add_others(planned)
        self.tell_efficacy(planned)

    def _add(self, move: Move) -> None:
        self.solution.add_action(
            action_type=self.MIGRATION,
            resource_id=move.uuid,
            input_parameters={
                'migration_type': 'live' if move.live else 'cold',
                'source_node': move.source,
                'destination_node': move.destination,
                'resource_name': move.name,
            },
        )

    def add_others(self, planned: Sequence[Move]) -> None:
        """Add actions that are no migrations, and what they wait for."""

    def tell_efficacy(self, planned: Sequence[Move]) -> None:
        """Set the indicators of the goal, if it has any."""

    def post_execute(self) -> None:
        """Nothing is left to do."""


class Drain(PlanStrategy):
    """Empties hosts for maintenance, see ``nfv-sched plan drain``."""

    entry_point = 'nfv_sched_drain'
    goal_name = 'hardware_maintenance'
    title = 'NUMA-aware drain'
    required = ('hosts',)
    parameters = {  # noqa: RUF012 - a schema
        'hosts': {
            'description': 'The hosts to empty.',
            'type': 'array',
            # No options.
            'items': {'type': 'string', 'pattern': '^[^-]'},
            'minItems': 1,
        },
    }

    def words(self) -> Sequence[str]:
        """The words of the command."""
        return ['drain', *self.input_parameters.hosts]

    def tell_efficacy(self, planned: Sequence[Move]) -> None:
        """All migrations are in the action plan; no volume moves."""
        live = sum(move.live for move in planned)
        cold = len(planned) - live
        self.solution.set_efficacy_indicators(
            live_migrate_instance_count=live,
            planned_live_migrate_instance_count=live,
            cold_migrate_instance_count=cold,
            planned_cold_migrate_instance_count=cold,
            volume_migrate_count=0,
            planned_volume_migrate_count=0,
            volume_update_count=0,
            planned_volume_update_count=0,
        )


class Consolidate(PlanStrategy):
    """Empties as many hosts as possible, see ``nfv-sched plan consolidate``.

    What is emptied is disabled, unless the audit says otherwise: else new
    instances boot there.
    """

    entry_point = 'nfv_sched_consolidate'
    goal_name = 'server_consolidation'
    title = 'NUMA-aware consolidation'
    required = ()
    parameters = {  # noqa: RUF012 - a schema
        'moves': {
            'description': 'The most migrations; any number by default.',
            'type': 'integer',
            'minimum': 1,
        },
        'disable': {
            'description': 'Whether to disable nova-compute on hosts that are '
            'emptied.',
            'type': 'boolean',
            'default': True,
        },
    }

    def words(self) -> Sequence[str]:
        """The words of the command."""
        moves = self.input_parameters.get('moves')
        return ['consolidate', *([f'--moves={moves}'] if moves else ())]

    def add_others(self, planned: Sequence[Move]) -> None:
        """Disable each host once all have left it, as Watcher's own do."""
        if not self.input_parameters.get('disable', True):
            return
        for row in self.document['released']:
            self.solution.add_action(
                action_type=self.CHANGE_SERVICE_STATE,
                resource_id=row['host'],
                input_parameters={
                    'state': 'disabled',
                    'disabled_reason': 'watcher_disabled',
                    'resource_name': row['host'],
                },
            )
            self.parents.append(
                [
                    place
                    for place, move in enumerate(planned)
                    if move.source == row['host']
                ]
            )

    def tell_efficacy(self, planned: Sequence[Move]) -> None:
        """All hosts that are emptied count as released."""
        [total] = self.document['total']
        self.solution.set_efficacy_indicators(
            compute_nodes_count=total['hosts'],
            released_compute_nodes_count=total['hosts_released'],
            instance_migrations_count=len(planned),
        )


class Room(PlanStrategy):
    """Makes room for more instances, see ``nfv-sched plan room``."""

    entry_point = 'nfv_sched_room'
    goal_name = 'make_room'
    title = 'NUMA-aware room for instances of a flavor'
    required = ('flavor',)
    parameters = {  # noqa: RUF012 - a schema
        'flavor': {
            'description': 'The name or id of a flavor.',
            'type': 'string',
            'minLength': 1,
        },
        'count': {
            'description': 'How many more are to fit.',
            'type': 'integer',
            'minimum': 1,
            'default': 1,
        },
    }

    def words(self) -> Sequence[str]:
        """The words of the command."""
        given = self.input_parameters
        count = given.get('count', 1)
        return ['room', f'--flavor={given.flavor}', f'--count={count}']


class Defragment(PlanStrategy):
    """Regains room by few moves, see ``nfv-sched plan defragment``."""

    entry_point = 'nfv_sched_defragment'
    goal_name = 'make_room'
    title = 'NUMA-aware defragmentation'
    required = ('moves',)
    parameters = {  # noqa: RUF012 - a schema
        'moves': {
            'description': 'The most migrations.',
            'type': 'integer',
            'minimum': 1,
        },
        'for': {
            'description': 'Flavors that room is for, NAME or NAME=WEIGHT; '
            'without any the demand that the weighers expect.',
            'type': 'array',
            'items': {'type': 'string', 'minLength': 1},
            'default': [],
        },
    }

    def words(self) -> Sequence[str]:
        """The words of the command."""
        given = self.input_parameters
        flavors = [f'--for={name}' for name in given.get('for', ())]
        return ['defragment', f'--moves={given.moves}', *flavors]


class PrepareLoss(PlanStrategy):
    """Prepares the loss of hosts, see ``nfv-sched plan survive --prepare``."""

    entry_point = 'nfv_sched_prepare_loss'
    goal_name = 'make_room'
    title = 'NUMA-aware preparation for a loss'
    required = ('lost',)
    parameters = {  # noqa: RUF012 - a schema
        'lost': {
            'description': 'What may be lost: host=NAME, or a failure domain '
            'such as rack=R1.',
            'type': 'array',
            'items': {'type': 'string', 'pattern': '^[^-=][^=]*=.+$'},
            'minItems': 1,
        },
    }

    def words(self) -> Sequence[str]:
        """The words of the command."""
        return ['survive', '--prepare', *self.input_parameters.lost]
