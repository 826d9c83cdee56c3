"""``nfv-sched demo --serve``: the demo's cloud for commands elsewhere."""

from collections.abc import Sequence
import shlex

from rich.console import Console
from rich.rule import Rule

from nfv_sched.sim import nova_api
from nfv_sched.sim import served
from nfv_sched.sim.boot_result import SimulatedInstance
from nfv_sched.sim.cloud import Cloud


def serve(
    cloud: Cloud,
    folder: served.ServedFolder,
    console: Console,
    instances: Sequence[SimulatedInstance],
) -> None:
    """Serve a cloud in the foreground until Ctrl-C or SIGTERM.

    :param instances: of the cloud, placed or not
    """
    for guest in instances:
        if guest.booted:
            cloud.store_request(guest)
    nova_api.complete(cloud)
    with (
        served.served(cloud, folder) as server,
        served.signalled() as ended,
    ):
        console.print(Rule('Try it', align='left'))
        _say(
            console,
            f"Placement and Nova's API are served at {server.url}, Nova's "
            f'databases are in {folder.databases}. Try in another terminal:',
        )
        for command in commands(cloud, folder, instances):
            _say(console, f'  {command}')
        _say(
            console,
            'Flavors have no ports: where a flavor is named, rows are added '
            'for the ports that its instances run with, and --port asks for '
            'others. There are no other services: nothing can be booted or '
            'moved.',
        )
        _say(console, 'Ctrl-C ends the cloud and removes its files.')
        console.file.flush()
        served.serve(server, ended)
        _say(console, 'The cloud ends.')


def commands(
    cloud: Cloud,
    folder: served.ServedFolder,
    instances: Sequence[SimulatedInstance],
) -> list[str]:
    """Commands to try on a served cloud, for a shell."""
    nova_conf = shlex.quote(str(folder.nova_conf))
    clouds = shlex.quote(str(folder.clouds))
    asked = ['check']
    refused = [guest for guest in instances if not guest.booted]
    placed = [guest for guest in instances if guest.booted]
    host = placed[0].host if placed else min(cloud.computes)
    if refused:
        asked.append(f'explain --flavor {refused[-1].flavor.name}')
    if placed:
        asked += [
            f'explain --server {placed[0].uuid}',
            f'why {placed[0].uuid}',
            f'capacity --flavor {placed[0].flavor.name}',
            'capacity --after-loss rack=rack1',
        ]
    asked += [
        f'plan drain {host}',
        f'topology {host}',
        f'labels {host}',
        'report --output cloud.html',
    ]
    return [
        *(f'nfv-sched {text} --config-file {nova_conf}' for text in asked),
        f'OS_CLIENT_CONFIG_FILE={clouds} nfv-sched topology {host} '
        f'--os-cloud {served.NAME}',
        f'OS_CLIENT_CONFIG_FILE={clouds} OS_CLOUD={served.NAME} '
        'openstack nfv host list',
    ]


def say_next(console: Console) -> None:
    """Say what to try after a demo whose cloud is gone."""
    console.print(Rule('Try next', align='left'))
    for command, about in (
        ('nfv-sched demo --serve DIR', 'keep this cloud for other commands'),
        ('nfv-sched demo --hosts 8 --seed 2', 'a fuller cloud, another mix'),
        (
            'nfv-sched simulate --scenario FILE',
            'your own hosts, flavors and failures',
        ),
    ):
        _say(console, f'  {command:<36}{about}')


def say_what_is_left(folder: served.ServedFolder, console: Console) -> None:
    """Say what the end of a served cloud left of its folder."""
    if not folder.path.exists():
        _say(console, f'{folder.path} is removed.')
    elif folder.left:
        names = ', '.join(folder.left)
        _say(
            console,
            f'The files of the cloud are removed from {folder.path}. What '
            f'others put there stays: {names}',
        )
    else:
        _say(console, f'{folder.path} is empty again.')


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
