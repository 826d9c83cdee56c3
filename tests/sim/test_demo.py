"""The demo from its command line."""

import contextlib
import io
import logging
import re
import sys

import pytest
from rich.console import Console

from nfv_sched import cmd
from nfv_sched.cmd import demo_tables
from nfv_sched.cmd import demo_view
from nfv_sched.cmd.main import main
from nfv_sched.sim import flavors
from nfv_sched.sim.boot_request import SimulatedFlavor


@pytest.fixture(scope='module')
def output():
    """The exit code, stdout and stderr of a small demo in a pipe."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(['demo', '--hosts', '4', '--guests', '2'])
    return code, out.getvalue(), err.getvalue()


def test_the_demo_runs_and_is_plain_text_in_a_pipe(output):
    code, out, err = output
    assert (code, err) == (0, '')
    assert '\x1b' not in out
    assert max(map(len, out.splitlines())) <= 120
    for text in (
        'Placed instances',
        'NUMA map',
        'Providers in Placement',
        'Instances without a host',
        'packet-cache.200GB',
        'NUMA node 0, socket 0',
        '0 failed claims',
        'nfv-sched demo --serve DIR',
    ):
        assert text in out


def test_stock_nova_fails_claims_on_the_same_load(output):
    _, out, _ = output
    rows = {
        name: [int(number) for number in numbers.split()]
        for name, numbers in re.findall(
            r'^ (stock Nova|nfv_sched) +([\d ]+)$', out, re.MULTILINE
        )
    }
    # Four routers, two of the mix, two upfs, and two that fit nowhere.
    assert [sum(row[:3]) for row in rows.values()] == [10, 10]
    assert rows['stock Nova'][2] > 0
    assert rows['nfv_sched'][2] == 0
    assert 'accepted r1-r740-01 for edge-router-1' in out


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
        return [order.name for order in demo_view.demo_boots(20, 2, seed)]

    assert named(1) == named(1)
    assert named(1) != named(2)
    assert len(named(1)) == 4 + 20 + 3 + 2


def test_landings_tell_what_a_guest_got(stock_cloud):
    flavor = SimulatedFlavor(
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
    console = Console(file=io.StringIO(), width=120)
    console.print(demo_tables.placements_table([guest]))
    row = console.file.getvalue()
    assert '6 pinned' in row
    assert '8 x 1G' in row
    assert '2 local' in row
    stock_cloud.delete(guest)


def test_the_demo_says_what_to_install(monkeypatch, capsys):
    monkeypatch.delattr(cmd, 'demo_view', raising=False)
    monkeypatch.setitem(sys.modules, 'nfv_sched.cmd.demo_view', None)
    assert main(['demo']) == 1
    assert 'nfv-sched[demo]' in capsys.readouterr().err
