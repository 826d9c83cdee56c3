"""The pages, in a real browser."""

import dataclasses
import os
import pathlib
import re

import pytest

from nfv_sched.render import log_reader
from nfv_sched.render import page
from nfv_sched.render import trend_plot
from tests.render import examples


def whole_survey():
    survey = examples.survey()
    return dataclasses.replace(
        survey, hosts=(*survey.hosts, *examples.counts().hosts)
    )


def eight_cells():
    host = examples.counted_host()
    [cell, _] = host.topology.cells
    topology = dataclasses.replace(
        host.topology,
        cells=tuple(
            dataclasses.replace(cell, id=number) for number in range(8)
        ),
    )
    return dataclasses.replace(host, host='cmp-4', topology=topology)


def refusal(text):
    return log_reader.LoggedRejection('2026-03-02 14:00', text, 7, text, text)


def trend(names=(examples.HOSTILE, 'small')):
    """The trend of a day, a point each hour."""
    hours = range(0, 86400, 3600)
    return trend_plot.Trend(
        'Instances that fit',
        tuple(
            trend_plot.TrendSeries(name, tuple((float(h), 7.0) for h in hours))
            for name in names
        ),
        0.0,
        86400.0,
        3600.0,
    )


@pytest.fixture
def report(tmp_path):
    path = tmp_path / 'cloud.html'
    path.write_text(
        page.report(
            whole_survey(),
            page.ReportParts(
                [
                    page.FlavorRoom(
                        'vrouter.large', 7, [2, 5, 0], 'pages (2), devices (1)'
                    ),
                    page.FlavorRoom(examples.HOSTILE, 0, [0, 0, 0]),
                ],
                [refusal(examples.HOSTILE)],
                trends=[trend(), trend(())],
            ),
        )
    )
    return path


@pytest.fixture
def opened(tab, report):
    tab.look()
    tab.open(report)
    return tab


def focused(tab, what='getAttribute("aria-label")'):
    return tab.evaluate(f'document.activeElement.{what}')


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [1200, 390])
def test_nothing_is_asked_for_and_nothing_complains(
    tab, report, scheme, width
):
    tab.look(width=width, scheme=scheme)
    tab.open(report)
    assert tab.requests() == [report.as_uri()]
    assert tab.complaints() == []
    # What is too wide scrolls by itself, not the page.
    assert tab.evaluate('document.documentElement.scrollWidth') <= width
    if folder := os.environ.get('NFV_SCREENSHOTS'):
        tab.evaluate('document.querySelector("details").open = true')
        name = f'report-{scheme}-{width}.png'
        pathlib.Path(folder, name).write_bytes(tab.screenshot())


def test_findings_about_instances_are_on_the_page():
    survey = examples.survey()
    host = survey.hosts[0].host
    found = [
        page.PagedFinding(host, 'Failure', examples.HOSTILE, 'migrate it'),
        page.PagedFinding(host, 'Warning', 'other', 'restart it'),
    ]
    text = page.report(survey, page.ReportParts(findings=found))
    assert '<a href="#found">Findings about instances</a>' in text
    assert '2 findings about instances</span>' in text
    assert '<td>Failure</td><td class="wide">&lt;/title&gt;' in text
    assert examples.HOSTILE not in text
    assert 'about instances' not in page.report(survey)


def test_many_cells_do_not_make_the_page_wide(tab, tmp_path):
    path = tmp_path / 'cells.html'
    path.write_text(
        page.report(
            dataclasses.replace(examples.survey(), hosts=(eight_cells(),))
        )
    )
    tab.look(width=390)
    tab.open(path)
    assert tab.evaluate('document.documentElement.scrollWidth') <= 390


def test_a_hostile_name_is_text(opened):
    assert opened.evaluate('document.title') == 'NUMA report'
    assert opened.evaluate('document.scripts.length') == 2
    [name] = opened.evaluate(
        '[...document.querySelectorAll("details .list tbody th")]'
        '.map((one) => one.textContent).filter((one) => one.includes("<"))'
    )
    assert name.startswith('</title><script>alert(1)</script>')
    assert '\x1b' not in name
    assert '\u202e' not in name


def test_scripts_of_others_would_not_run(opened):
    opened.evaluate(
        'document.body.append(Object.assign('
        'document.createElement("script"), {text: "window.evil = 1"}))'
    )
    assert opened.evaluate('window.evil') is None
    assert any('Content Security' in text for text in opened.complaints())


def test_the_heat_map_by_keyboard(opened):
    opened.press('Tab')
    assert focused(opened, 'textContent') == 'Skip to the content'
    # One stop of Tab for each rack.
    opened.evaluate('document.querySelector("#resources input").focus()')
    opened.press('Tab')
    assert focused(opened) == 'cmp-1, NUMA node 0: 5 of 20 dedicated CPUs free'
    opened.press('Tab')
    assert (
        focused(opened) == 'cmp-2, NUMA node 0: 22 of 22 dedicated CPUs free'
    )
    opened.press('ArrowRight', 'ArrowDown')
    assert (
        focused(opened) == 'cmp-3, NUMA node 1: 15 of 20 dedicated CPUs free'
    )
    opened.press('ArrowDown', 'Home')
    assert focused(opened) == 'cmp-3, NUMA node 0: 0 of 20 dedicated CPUs free'
    readout = opened.evaluate('document.getElementById("readout").textContent')
    assert readout == focused(opened)
    opened.press('Enter')
    opened.until('document.getElementById("h2").open')
    assert focused(opened, 'tagName') == 'SUMMARY'


def test_another_resource_by_keyboard(opened):
    opened.evaluate('document.querySelector("#resources input").focus()')
    opened.press('ArrowRight')
    label = opened.evaluate(
        'document.querySelector(".heat .c").getAttribute("aria-label")'
    )
    assert label == 'cmp-1, NUMA node 0: 0 of 28 pages of 1G free'
    shown = opened.evaluate('document.querySelector(".heat .c").className')
    assert shown == 'c q5'


def test_the_theme_follows_the_system_until_it_is_chosen(opened):
    def ground():
        return opened.evaluate(
            'getComputedStyle(document.body).backgroundColor'
        )

    light = ground()
    opened.look(scheme='dark')
    dark = ground()
    assert light != dark
    opened.evaluate('document.getElementById("theme").focus()')
    opened.until('document.activeElement.textContent === "Light theme"')
    opened.press('Enter')
    assert ground() == light
    opened.press('Enter')
    opened.look(scheme='light')
    assert ground() == dark


def test_tables_are_sorted_by_keyboard(opened):
    def column():
        return opened.evaluate(
            '[...document.querySelectorAll("#table tbody tr")]'
            '.map((row) => row.cells[4].textContent)'
        )

    opened.evaluate('document.querySelectorAll("#table th button")[4].focus()')
    opened.press('Enter')
    assert column() == ['15', '17', '44']
    opened.press('Enter')
    assert column() == ['44', '17', '15']
    assert (
        opened.evaluate('document.querySelectorAll("#table th")[4].ariaSort')
        == 'descending'
    )


def test_what_a_screen_reader_reads(opened):
    nodes = opened.accessible()
    headings = [name for role, name in nodes if role == 'heading']
    assert {'NUMA report', 'Not read'} <= set(headings)
    assert {'Free capacity', 'NUMA maps', 'cmp-1'} <= set(headings)
    assert ('grid', 'rack R1 (free dedicated CPUs)') in nodes
    assert ('link', 'cmp-1, NUMA node 0: 5 of 20 dedicated CPUs free') in nodes
    tables = [name for role, name in nodes if role == 'table']
    assert len(tables) >= 3
    assert all(tables)
    # Whatever can be pressed has a name.
    pressed = ('link', 'button', 'radio', 'DisclosureTriangle')
    assert all(name for role, name in nodes if role in pressed)


def test_no_text_is_too_faint(opened):
    """Contrast of WCAG AA, of boxes and of running text."""
    for scheme in ('light', 'dark'):
        opened.look(scheme=scheme)
        for level in range(6):
            low = opened.evaluate(_CONTRAST % f"'c q{level}'")
            assert low >= 4.5, (scheme, level, low)
        assert opened.evaluate(_CONTRAST % "'faint'") >= 4.5


# The contrast of an element with this class against what is behind it.
_CONTRAST = """(() => {
  const element = document.createElement('span');
  element.className = %s;
  document.querySelector('main > section').append(element);
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
    .map((one) => one <= .04045 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4)
    .reduce((sum, one, n) => sum + one * [.2126, .7152, .0722][n], 0);
  const style = getComputedStyle(element);
  let ground = parse(style.backgroundColor);
  if (ground.length > 3 && !ground[3]) {
    ground = parse(getComputedStyle(element.parentElement).backgroundColor);
  }
  const both = [parse(style.color), ground].map(light).sort((a, b) => a - b);
  element.remove();
  return (both[1] + .05) / (both[0] + .05);
})()"""


def test_it_reads_without_scripts(tab, report):
    tab.call('Emulation.setScriptExecutionDisabled', value=True)
    tab.look()
    tab.open(report)
    nodes = tab.accessible()
    assert ('link', 'cmp-1, NUMA node 0: 5 of 20 dedicated CPUs free') in nodes
    assert not any(role == 'radio' for role, _ in nodes)


def test_a_page_of_maps(tab, tmp_path):
    path = tmp_path / 'maps.html'
    path.write_text(page.topology(examples.survey()))
    tab.look()
    tab.open(path)
    assert tab.complaints() == []
    assert tab.requests() == [path.as_uri()]
    nodes = tab.accessible()
    [about] = [name for role, name in nodes if role == 'image'][:1]
    assert 'cmp-1' in about


def test_of_many_refused_requests_the_newest_are_listed():
    many = [refusal(f'request-{number}.') for number in range(502)]
    text = page.report(examples.survey(), page.ReportParts(refusals=many))
    assert 'request-499.' in text
    assert 'request-500.' not in text
    assert '2 older requests are left out' in text


def test_nothing_in_the_page_points_outside(report):
    text = report.read_text()
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', text) == []
    namespaces = 'http://www.w3.org/2000/svg'
    assert set(re.findall(r'https?://[^\s"\'<]+', text)) <= {namespaces}


def test_hosts_of_a_large_cloud_are_unpacked_when_they_are_opened(
    tab, tmp_path
):
    busy = examples.busy_host()
    hosts = tuple(
        dataclasses.replace(busy, host=f'cmp-{number:03}')
        for number in range(101)
    )
    path = tmp_path / 'large.html'
    path.write_text(
        page.report(dataclasses.replace(examples.survey(), hosts=hosts))
    )
    assert path.stat().st_size < 800_000
    tab.look()
    tab.open(path)
    assert tab.evaluate('document.querySelectorAll("svg").length') == 0
    tab.evaluate('location.hash = "#h100"')
    tab.until('!!document.querySelector("#h100 svg")')
    name = tab.evaluate('document.querySelector("#h100 tbody th").textContent')
    assert name.startswith('</title><script>')
    assert tab.evaluate('document.querySelectorAll("svg").length') == 1
    assert tab.complaints() == []
