"""Audits by Watcher's own decision engine, in a process without Nova.

``python -m tests.watcher.audit WATCHER_CONF AUDITS`` makes the audits, which
are JSON, and prints what came of each.
"""

import json
import sys

from oslo_config import cfg
from watcher import objects
from watcher.applier.loading import default as applier_loading
from watcher.common import context
from watcher.common import rpc
from watcher.common import utils
from watcher.db.sqlalchemy import migration
from watcher.decision_engine import sync
from watcher.decision_engine.audit import oneshot
from watcher.decision_engine.loading import default as loading

CONF = cfg.CONF


def start(watcher_conf):
    """What a decision engine has: options, a database and a bus."""
    CONF([], project='watcher', default_config_files=[watcher_conf])
    rpc.init(CONF)
    objects.register_all()
    migration.create_schema()
    sync.Syncer().sync()


def checked(strategy, parameters):
    """The parameters as Watcher's API checks them, with the defaults."""
    utils.StrictDefaultValidatingDraft4Validator(
        strategy.get_schema()
    ).validate(parameters)
    return parameters


def audit(request, name, parameters, scope):
    """Make one audit."""
    strategy = loading.DefaultStrategyLoader().load(name)
    made = objects.Audit(
        request,
        uuid=utils.generate_uuid(),
        name=f'audit {utils.generate_uuid()}',
        audit_type=objects.audit.AuditType.ONESHOT.value,
        state=objects.audit.State.PENDING,
        parameters=checked(strategy, parameters),
        goal_id=objects.Goal.get_by_name(request, strategy.get_goal_name()).id,
        strategy_id=objects.Strategy.get_by_name(request, name).id,
        scope=scope,
        auto_trigger=False,
    )
    made.create()
    oneshot.OneShotAuditHandler().execute(made, request)
    after = objects.Audit.get_by_uuid(request, made.uuid)
    plans = objects.ActionPlan.list(
        request, filters={'audit_uuid': made.uuid}, eager=True
    )
    return {
        'state': after.state,
        'plans': [found(request, plan) for plan in plans],
    }


def found(request, plan):
    """An action plan, whose actions Watcher's applier would accept."""
    actions = objects.Action.list(
        request, filters={'action_plan_uuid': plan.uuid}
    )
    loader = applier_loading.DefaultActionLoader()
    for each in actions:
        action = loader.load(each.action_type, osc=None)
        action.input_parameters = each.input_parameters
        action.validate_parameters()
    return {
        'state': plan.state,
        'global_efficacy': plan.global_efficacy,
        'actions': [
            {
                'uuid': each.uuid,
                'type': each.action_type,
                'parents': list(each.parents or ()),
                **each.input_parameters,
            }
            for each in actions
        ],
    }


def main():
    """Print what came of the audits."""
    watcher_conf, audits = sys.argv[1:]
    # Watcher 15 reads them again when it loads a strategy.
    del sys.argv[1:]
    start(watcher_conf)
    request = context.make_context()
    answers = [
        audit(request, each['strategy'], each['parameters'], each['scope'])
        for each in json.loads(audits)
    ]
    sys.stdout.write(json.dumps(answers) + '\n')


if __name__ == '__main__':
    main()
