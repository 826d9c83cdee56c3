"""Nova's options for a simulated cloud, and profiles of its schedulers."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import json
import pathlib
from typing import Any

from nova import rpc
import nova.conf
from nova.pci import request as pci_request
from nova.scheduler import utils as scheduler_utils
from oslo_config import cfg
from oslo_config import types

from nfv_sched import conf as nfv_conf
from nfv_sched.model.similar_names import did_you_mean
from nfv_sched.nova import failure_domains
from nfv_sched.sim.documents import shown

CONF = nova.conf.CONF

_YEARS = 10**8

# In a file: oslo.messaging registers its options when Nova starts it.
_NOVA_CONF = """
[DEFAULT]
transport_url = fake:/
[oslo_messaging_notifications]
driver = noop
"""

#: Options that are recommended for nfv_sched.
_RECOMMENDED = {
    f'{option.group}.{option.name}': option.value
    for option in nfv_conf.RECOMMENDED
}
_GROUP = 'filter_scheduler'
_CLASS_OPTIONS = ('available_filters', 'enabled_filters', 'weight_classes')


@dataclasses.dataclass(frozen=True, slots=True)
class Profile:
    """The nova.conf of one nova-scheduler.

    ``options`` are all options but the names of classes. They apply to the
    whole cloud: those of the profile that it is created with.
    """

    name: str
    enabled_filters: tuple[str, ...]
    available_filters: tuple[str, ...] = (
        'nova.scheduler.filters.all_filters',
    )
    weight_classes: tuple[str, ...] = ('nova.scheduler.weights.all_weighers',)
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def with_options(self, options: Mapping[str, Any]) -> 'Profile':
        """This profile with more options, which replace its own.

        The one place that decides which filters and weighers a scheduler
        has where options name them.

        :param options: named ``option`` or ``group.option``; lists of classes
            may be text, separated by commas
        """
        classes: dict[str, Any] = {
            name: _class_names(options[f'{_GROUP}.{name}'])
            for name in _CLASS_OPTIONS
            if f'{_GROUP}.{name}' in options
        }
        others = {
            name: value
            for name, value in options.items()
            if name not in {f'{_GROUP}.{option}' for option in _CLASS_OPTIONS}
        }
        return dataclasses.replace(
            self, **classes, options={**self.options, **others}
        )


def _class_names(value: str | Sequence[str]) -> tuple[str, ...]:
    names = value.split(',') if isinstance(value, str) else value
    return tuple(filter(None, (str(name).strip() for name in names)))


#: Nova alone, with the filters that its documentation recommends for NFV.
STOCK = Profile(
    name='stock',
    enabled_filters=(
        'ComputeFilter',
        'ComputeCapabilitiesFilter',
        'ImagePropertiesFilter',
        'ServerGroupAntiAffinityFilter',
        'ServerGroupAffinityFilter',
        'NUMATopologyFilter',
        'PciPassthroughFilter',
    ),
)

#: Nova with this package, as recommended in the README.
NFV = Profile(name='nfv_sched', enabled_filters=()).with_options(_RECOMMENDED)


def _defaults(folder: pathlib.Path) -> dict[str, Any]:
    return {
        'my_ip': '127.0.0.1',
        'state_path': str(folder),
        'oslo_concurrency.lock_path': str(folder),
        # Without heartbeats services would be down after this time.
        'service_down_time': _YEARS,
        # No other process changes the computes' providers.
        'compute.resource_provider_association_refresh': _YEARS,
        # Every simulated compute reports PCPU.
        'workarounds.disable_fallback_pcpu_query': True,
        # The same seed gives the same cloud; there are no other schedulers.
        'filter_scheduler.shuffle_best_same_weighed_hosts': False,
        'nfv_sched.in_flight_weight_multiplier': 0.0,
        'nfv_sched.scatter_weight_multiplier': 0.0,
        'nfv_sched.read_topology': False,
    }


#: Current overrides, which oslo.config does not expose.
_overridden: dict[str, Any] = {}


@contextlib.contextmanager
def override(values: Mapping[str, Any]) -> Iterator[None]:
    """Set Nova options, named ``option`` or ``group.option``.

    Previous overrides are restored afterwards.
    """
    before = {
        name: _overridden[name] for name in values if name in _overridden
    }
    try:
        for name, value in values.items():
            _set(name, value)
            _overridden[name] = value
        yield
    finally:
        for name in values:
            if name in before:
                _set(name, before[name])
            elif name in _overridden:
                group, _, option = name.rpartition('.')
                CONF.clear_override(option, group=group or None)
                del _overridden[name]
        _overridden.update(before)


def _set(name: str, value: Any) -> None:
    group, _, option = name.rpartition('.')
    # oslo.config iterates over text for an option with several values.
    if _option(name).multi and isinstance(value, str):
        value = [value]
    CONF.set_override(option, value, group=group or None)


def _option(name: str) -> Any:
    group, _, option = name.rpartition('.')
    # oslo.config offers values of options, but not the options themselves.
    return CONF._get_opt_info(option, group or None)['opt']  # noqa: SLF001


def option_problem(name: str, value: Any) -> str:
    """Why an option of Nova cannot have a value; empty if it can."""
    nfv_conf.register_opts(CONF)
    try:
        option = _option(name)
    except cfg.Error:
        names = list(_option_names())
        # Most are in a group, which is easily left out.
        grouped = [option for option in names if option.endswith(f'.{name}')]
        hint = did_you_mean(grouped[0] if grouped else name, names)
        return f'Nova has no such option{hint}'
    lists = option.multi or isinstance(option.type, types.List)
    if isinstance(value, list) and not lists:
        return 'takes one value, not a list'
    try:
        with override({name: value}):
            return ''
    except (cfg.Error, TypeError, ValueError) as error:
        text = str(error)
        for start, plain in _PYTHON_TEXTS.items():
            if text.startswith(start):
                return f'must be {plain}, not {shown(value)}'
        return text


# oslo.config reports invalid numbers with the text of Python.
_PYTHON_TEXTS = {
    'invalid literal for int': 'a whole number',
    'could not convert string to float': 'a number',
}


def _option_names() -> Iterator[str]:
    """All options, named ``option`` or ``group.option``."""
    for name in CONF:
        if name in CONF._groups:  # noqa: SLF001 - see _option
            yield from (f'{name}.{option}' for option in CONF[name])
        else:
            yield name


@contextlib.contextmanager
def nova_settings(
    folder: pathlib.Path,
    aliases: Sequence[Mapping[str, str]],
    options: Mapping[str, Any],
) -> Iterator[None]:
    """Configure Nova like its services; ``options`` replace defaults."""
    nfv_conf.register_opts(CONF)
    path = folder / 'nova.conf'
    path.write_text(_NOVA_CONF)
    CONF([], project='nova', default_config_files=[str(path)])
    values = {
        **_defaults(folder),
        'pci.alias': [json.dumps(alias) for alias in aliases],
        **options,
    }
    try:
        with override(values):
            rpc.init(CONF)
            forget_caches()
            try:
                yield
            finally:
                rpc.cleanup()
    finally:
        CONF.reset()
        forget_caches()


def forget_caches() -> None:
    """Reset Nova's caches of values from options."""
    pci_request.get_alias_from_config.cache_clear()
    scheduler_utils.reset_globals()


def profile_options(profile: Profile) -> dict[str, Any]:
    """All options of a nova-scheduler with a profile."""
    return {
        **{
            f'{_GROUP}.{name}': list(getattr(profile, name))
            for name in _CLASS_OPTIONS
        },
        **profile.options,
    }


def nova_conf(options: Mapping[str, Any]) -> str:
    """The text of a nova.conf.

    :param options: named ``option`` or ``group.option``
    """
    lines: dict[str, list[str]] = {}
    for name, value in options.items():
        group, _, option = name.rpartition('.')
        values: Sequence[Any] = [value]
        if isinstance(value, list):
            multi = _option(name).multi
            values = value if multi else [','.join(map(str, value))]
        lines.setdefault(group or 'DEFAULT', []).extend(
            # oslo.config replaces $name by the value of an option.
            f'{option} = {str(text).replace("$", "$$")}'
            for text in values
        )
    groups = ('\n'.join([f'[{name}]', *of]) for name, of in lines.items())
    return '\n\n'.join(groups) + '\n'


def failure_domain_kinds() -> tuple[str, ...]:
    """The kinds of failure domains that the options name."""
    return failure_domains.domain_keys(CONF.nfv_sched.failure_domains)
