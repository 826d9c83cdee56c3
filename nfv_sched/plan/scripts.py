"""Plans as a shell script, and as an Ansible playbook.

Both call ``openstack`` as an administrator, check after each step that the
instance is where the plan says, and stop where it is not: the steps that
follow count on it.
"""

from collections.abc import Iterator
import json
import shlex
from typing import Any

import yaml  # type: ignore[import-untyped]

from nfv_sched.plan.values import Method
from nfv_sched.plan.values import Plan
from nfv_sched.plan.values import Step

#: Nova's microversion for a cold migration to a host; live migration and
#: evacuation need less.
_MICROVERSION = '2.56'

_HEAD = """\
#!/usr/bin/env bash
# {title}
# Needs an administrator's credentials, as openstack reads them.
set -euo pipefail
export OS_COMPUTE_API_VERSION={version}

landed() {{
    local host
    host=$(openstack server show -f value -c OS-EXT-SRV-ATTR:host "$1")
    [ "$host" = "$2" ] || {{
        echo "$1 is on $host and not on $2: make a new plan" >&2
        exit 1
    }}
}}
"""


def commands(step: Step) -> Iterator[list[str]]:
    """The calls of ``openstack`` that make a step; none for a boot."""
    if step.instance is None:
        return
    uuid, host = step.instance, step.destination
    if step.method is Method.LIVE:
        yield [
            'openstack', 'server', 'migrate', '--live-migration',
            '--host', host, '--wait', uuid,
        ]  # fmt: skip
    elif step.method is Method.COLD:
        yield [
            'openstack', 'server', 'migrate', '--host', host, '--wait', uuid,
        ]  # fmt: skip
        yield ['openstack', 'server', 'migration', 'confirm', uuid]
    elif step.method is Method.EVACUATION:
        yield [
            'openstack', 'server', 'evacuate', '--host', host, '--wait', uuid,
        ]  # fmt: skip


def describe(step: Step) -> str:
    """A step in one line."""
    if step.source is None:
        return f'{step.number}. {step.name} boots on {step.destination}'
    return (
        f'{step.number}. {step.method}: {step.name} from {step.source} to '
        f'{step.destination}'
    )


def shell(plan: Plan, title: str) -> str:
    """A shell script.

    :param title: what the plan is for
    """
    lines = [_HEAD.format(title=_one_line(title), version=_MICROVERSION)]
    for step in plan.steps:
        lines.append(f'# {_one_line(describe(step))}')
        lines += [shlex.join(command) for command in commands(step)]
        if step.instance is not None:
            check = ('landed', step.instance, step.destination)
            lines.append(shlex.join(check))
    lines += [
        f'# {_one_line(f"Stays: {each.name} on {each.host}: {each.why}")}'
        for each in plan.unplaced
    ]
    return '\n'.join(lines) + '\n'


def _one_line(text: str) -> str:
    """A text that cannot end the comment that it is in."""
    return ' '.join(text.split())


def ansible(plan: Plan, title: str) -> str:
    """An Ansible playbook, which needs no collection.

    :param title: what the plan is for
    """
    play = {
        'name': _literal(title),
        'hosts': 'localhost',
        'gather_facts': False,
        'environment': {'OS_COMPUTE_API_VERSION': _MICROVERSION},
        'tasks': list(_tasks(plan)),
    }
    text: str = yaml.safe_dump([play], sort_keys=False, width=120)
    return f'---\n{text}'


def _tasks(plan: Plan) -> Iterator[dict[str, Any]]:
    for step in plan.steps:
        for argv in commands(step):
            yield {
                'name': _literal(describe(step)),
                'ansible.builtin.command': {'argv': argv},
            }
        if step.instance is not None:
            there = f'host.stdout != {json.dumps(step.destination)}'
            yield {
                'name': _literal(f'{step.number}. {step.name} has arrived'),
                'ansible.builtin.command': {
                    'argv': [
                        'openstack', 'server', 'show', '-f', 'value',
                        '-c', 'OS-EXT-SRV-ATTR:host', step.instance,
                    ],
                },
                'register': 'host',
                'changed_when': False,
                'failed_when': there,
            }  # fmt: skip


def _literal(text: str) -> str:
    """A text without the braces that Ansible evaluates."""
    return text.replace('{', '(').replace('}', ')')
