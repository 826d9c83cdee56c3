"""Edits of requests as the commands that an operator types."""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import shlex

from nfv_sched.nova import boot_ports
from nfv_sched.nova.request_template import Edit
from nfv_sched.nova.request_template import Origin
from nfv_sched.nova.request_template import RequestTemplate
from nfv_sched.plan.values import Method
from nfv_sched.plan.values import Step

# Options of nfv-sched for what is not in any cloud yet.
_OPTIONS = {Origin.FLAVOR: '--extra-spec', Origin.IMAGE: '--image-property'}


def of_edits(
    template: RequestTemplate, edits: Iterable[Edit]
) -> Iterator[str]:
    """The commands that make edits, and options where nothing exists yet."""
    for edit in edits:
        if edit.origin is Origin.PORT:
            yield _of_port(template, edit)
        elif edit.origin is Origin.HINT:
            yield _of_hint(template, edit)
        elif edit.owner:
            yield _of_owner(edit)
        else:
            option = _OPTIONS[edit.origin]
            yield (
                f'without {option} {shlex.quote(edit.name)}'
                if edit.value is None
                else f'{option} {shlex.quote(f"{edit.name}={edit.value}")}'
            )


def of_step(step: Step, host: str) -> str:
    """The command that moves an instance.

    :param host: the compute service of the destination
    """
    live = '--live-migration ' if step.method is Method.LIVE else ''
    return (
        f'openstack server migrate {live}--host {shlex.quote(host)} '
        f'{step.instance}'
    )


def _of_owner(edit: Edit) -> str:
    kind, owner = edit.origin.value, shlex.quote(edit.owner)
    if edit.value is None:
        return (
            f'openstack {kind} unset --property {shlex.quote(edit.name)} '
            f'{owner}'
        )
    setting = shlex.quote(f'{edit.name}={edit.value}')
    return f'openstack {kind} set --property {setting} {owner}'


def _of_port(template: RequestTemplate, edit: Edit) -> str:
    by_hand = template.by_hand.get(edit.owner)
    if by_hand is None:
        return f'openstack port set --numa-policy-{edit.value} {edit.owner}'
    changed = dataclasses.replace(by_hand, numa_policy=edit.value)
    return f'--port {shlex.quote(boot_ports.port_text(changed))}'


def _of_hint(template: RequestTemplate, edit: Edit) -> str:
    values = [
        constraint.value
        for constraint in template.constraints()
        if (constraint.origin, constraint.name) == (Origin.HINT, edit.name)
    ]
    hints = ' '.join(
        f'--hint {shlex.quote(f"{edit.name}={value}")}' for value in values
    )
    return f'openstack server create without {hints}'
