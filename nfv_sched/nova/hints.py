"""Which filters and weighers read which scheduler hints."""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from nfv_sched.model.similar_names import closest
from nfv_sched.nova import server_group

#: The classes that read a hint, of Nova and of ours; any of them does.
READERS: Mapping[str, tuple[str, ...]] = {
    'same_host': ('SameHostFilter',),
    'different_host': ('DifferentHostFilter',),
    'cidr': ('SimpleCIDRAffinityFilter',),
    'build_near_host_ip': ('SimpleCIDRAffinityFilter',),
    'query': ('JsonFilter',),
    server_group.NEAR: ('AffinityWeigher',),
    server_group.APART: ('AntiAffinityWeigher',),
}
# nova-api and nova-conductor read it.
_ALWAYS = 'group'
_OURS = ('nova.', 'nfv_sched.')


def unread(
    names: Collection[str], enabled: Sequence[type[object]]
) -> list[str]:
    """The hints that are read by nothing, in words.

    :param enabled: the classes of the filters and weighers that are enabled
    """
    classes = {each.__name__ for each in enabled}
    others = sorted(
        each.__name__
        for each in enabled
        if not each.__module__.startswith(_OURS)
    )
    unless = f', unless {" or ".join(others)} does' if others else ''
    return [
        f'{problem}{unless}'
        for name in sorted(names)
        if name != _ALWAYS
        for problem in _problems(name, classes)
    ]


def _problems(name: str, classes: set[str]) -> Iterator[str]:
    readers = READERS.get(name)
    if readers is None:
        close = closest(name, (*READERS, _ALWAYS))
        hint = f' (did you mean {close}?)' if close else ''
        yield f'No filter or weigher reads the hint {name}{hint}'
    elif classes.isdisjoint(readers):
        yield (
            f'Only {" or ".join(readers)} reads the hint {name}, and '
            'nova.conf does not enable it: nothing reads it'
        )
