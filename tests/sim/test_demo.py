"""The demo from its command line."""

import io
import logging
import sys

import pytest
from rich.console import Console

from nfv_sched import cmd
from nfv_sched.cmd import render
from nfv_sched.cmd import show
from nfv_sched.cmd import tables
from nfv_sched.cmd.main import main
from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim import views
from nfv_sched.sim.guests import Flavor


def test_the_demo_runs_and_is_plain_text_in_a_pipe(capsys):
    assert main(['demo', '--hosts', '4', '--guests', '6']) == 0
    out, err = capsys.readouterr()
    assert err == ''
    assert '\x1b' not in out
    assert max(map(len, out.splitlines())) <= 120
    for text in (
        'Where the guests landed',
        'NUMA map',
        'What Placement shows of it',
        'Guests that no host can take',
        'packet-cache.200GB',
        'cell 0, socket 0',
        '0 claims failed',
    ):
        assert text in out


def test_logging_is_as_before(capsys):
    before = logging.getLogger().level, list(logging.getLogger().handlers)
    assert main(['help']) == 0
    assert 'demo' in capsys.readouterr().out
    after = logging.getLogger().level, list(logging.getLogger().handlers)
    assert after == before


def test_an_unknown_command_is_an_error(capsys):
    assert main(['demonstrate']) == 2
    assert 'demo' in capsys.readouterr().out


@pytest.mark.parametrize('value', ['0', '-1', 'many'])
def test_senseless_numbers_are_refused(value, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(['demo', '--hosts', value])
    assert exit_.value.code == 2
    assert '--hosts' in capsys.readouterr().err


def test_the_same_seed_asks_for_the_same_guests():
    def named(seed):
        return [order.name for order in show.orders(20, 2, seed)]

    assert named(1) == named(1)
    assert named(1) != named(2)
    assert len(named(1)) == 20 + 3 + 2


def drawn(thing, width=120):
    console = Console(file=io.StringIO(), width=width)
    console.print(thing)
    return console.file.getvalue()


def test_a_numa_map_shows_every_thread_page_and_device(stock_cloud):
    flavor = Flavor(
        'both',
        6,
        8192,
        extra_specs={
            'hw:cpu_policy': 'dedicated',
            'hw:mem_page_size': '1GB',
            'hw:cpu_thread_policy': 'require',
        },
        ports=flavors.flavors()['telefonica-dataplane-3'].ports,
    )
    [guest] = stock_cloud.boot(flavor, name='router')
    compute = stock_cloud.computes['dell-2x6230r-64vf']
    assert guest.host == compute.host
    view = views.host_view(compute, [guest])
    owners = [
        owner
        for cell in view.cells
        for core in cell.cores
        for owner in core.owners
    ]
    facts = machine.load(compute.host)
    assert len(owners) == len(facts.cpus)
    assert owners.count('a') == 6
    assert owners.count(views.SHARED) == len(facts.shared)
    assert owners.count(views.FREE) == len(facts.dedicated) - 6
    text = drawn(render.host_map(view))
    assert text.count('aa') == 3
    assert ' 8/24' in text
    assert text.count('15/16 free') == 2
    assert 'a router both' in text
    # A narrow terminal gets the cells one below the other.
    assert 'cell 1' in drawn(render.host_map(view), width=40)
    row = drawn(tables.landings([guest]))
    assert '6 pinned' in row
    assert '8 x 1G' in row
    assert '2 near' in row
    stock_cloud.delete(guest)


@pytest.mark.parametrize(
    ('pages', 'text'),
    [
        ((1048576, 16, 4, 0), ' 1G ####............ 0/16, host 4'),
        ((2048, 100, 0, 1), ' 2M =............... 1/100'),
        ((65536, 8, 1, 7), '64M ==============## 7/8, host 1'),
        ((2048, 0, 0, 0), ' 2M ................ 0/0'),
    ],
)
def test_bars(pages, text):
    assert render.bar(views.PagesView(*pages)).plain == text


def test_the_demo_says_what_to_install(monkeypatch, capsys):
    monkeypatch.delattr(cmd, 'show', raising=False)
    monkeypatch.setitem(sys.modules, 'nfv_sched.cmd.show', None)
    assert main(['demo']) == 1
    assert 'nfv-sched[demo]' in capsys.readouterr().err
