"""The plot of a run."""

from xml.etree import ElementTree as ET

from nfv_sched.render import usage_plot
from tests.render import examples

SVG = '{http://www.w3.org/2000/svg}'


def points(line):
    return [
        tuple(map(float, pair.split(',')))
        for pair in line.get('points').split()
    ]


def test_lines_go_where_the_shares_are():
    used = [{'CPUs': 0.0, 'pages': 0.5}, {'CPUs': 1.0, 'pages': 0.5}]
    steps = [
        usage_plot.PlotStep('boot 2 x small', 0, [1]),
        usage_plot.PlotStep(examples.HOSTILE, 1, []),
    ]
    text = usage_plot.usage(examples.HOSTILE, used, steps)
    root = ET.fromstring(text)  # noqa: S314 - our own
    lines = [
        line
        for line in root.iter(f'{SVG}polyline')
        if line.get('class') == 'series'
    ]
    grid = [
        points(line)[0][1]
        for line in root.iter(f'{SVG}polyline')
        if line.get('class') == 'grid'
    ]
    cpus, pages = (points(line) for line in lines[2:])
    assert [y for _, y in cpus] == [grid[0], grid[-1]]
    assert [y for _, y in pages] == [grid[2], grid[2]]
    assert cpus[0][0] < cpus[1][0]
    # Lines are told apart without colours, too.
    dashes = [line.get('stroke-dasharray') for line in lines]
    assert len(set(dashes)) == 2
    failed = [
        path
        for path in root.iter(f'{SVG}path')
        if path.get('class') == 'failed'
    ]
    assert len(failed) == 1 + 1
    about = root.find(f'{SVG}desc').text
    assert 'boot 2 x small: 1 found no host' in about
    assert 'CPUs 100 % used at the end' in about


def test_a_run_without_events():
    root = ET.fromstring(usage_plot.usage('none', [], []))  # noqa: S314 - our own
    assert root.find(f'{SVG}title').text == 'none'
