"""The loop: passes, logs, status file, metrics, leadership."""

import logging
import threading
import time
import urllib.request

import pytest
import sqlalchemy

from nfv_sched.nova.redact import redact
from nfv_sched.nova.redact import RedactingFilter
from nfv_sched.publishing import status as status_file
from nfv_sched.publishing.counters import PublisherMetrics
from nfv_sched.publishing.leadership import ElectedLeader
from nfv_sched.publishing.leadership import SoleLeader
from nfv_sched.publishing.loop import Loop
from nfv_sched.publishing.status import Status
from nfv_sched_testing.patience import PATIENCE

SECRET = 's3cr3t-of-the-database'  # noqa: S105 - a dummy


class Source:
    """A source whose passes a test defines."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.clients = []

    def run(self, client, report, may_continue):
        self.clients.append(client)
        report.kind = 'full'
        step = self.steps.pop(0) if self.steps else None
        if isinstance(step, Exception):
            raise step
        if step:
            step(report, may_continue)
        report.finished = may_continue()


def loop_of(source, **options):
    connected = iter(range(100))
    values = {
        'interval': 0.01,
        'status': Status('cells', 0.01),
        'leadership': SoleLeader(),
        'counters': PublisherMetrics(),
    }
    values.update(options)
    return Loop(source, lambda: next(connected), **values)


def test_one_line_per_pass_with_counts(caplog):
    def work(report, may_continue):
        report.hosts, report.checked, report.written = 5000, 50, 3
        report.writes, report.conflicts, report.incomplete = 7, 2, 1

    caplog.set_level(logging.INFO)
    loop_of(Source(work)).once()
    (record,) = caplog.records
    assert record.getMessage().startswith('Pass (full) done in ')
    for text in ('5000 hosts', '50 checked', '3 written', '7 writes'):
        assert text in record.getMessage()
    assert '2 conflicts, 1 incomplete' in record.getMessage()


def test_after_a_failed_pass_the_loop_continues_with_a_new_client(caplog):
    source = Source(OSError('Placement is down'), OSError('still'))
    loop = loop_of(source)
    assert not loop.once().finished
    assert not loop.once().finished
    assert loop.once().finished
    assert loop.once().finished
    assert source.clients == [0, 1, 2, 2]
    assert 'Placement is down' in caplog.text


def test_a_lasting_problem_is_logged_once(caplog):
    def bad(report, may_continue):
        report.problems.append('Nova cell cell1 cannot be read: OSError: down')

    loop = loop_of(Source(bad, bad, bad, None, bad))
    for _ in range(3):
        loop.once()
    assert caplog.text.count('cell1') == 1
    loop.once()
    loop.once()
    assert caplog.text.count('cell1') == 2


def test_the_loop_stops_within_a_pass_and_releases_leadership():
    begun = threading.Event()

    def long(report, may_continue):
        begun.set()
        while may_continue():
            time.sleep(0.005)

    class Leader(SoleLeader):
        closed = False

        def close(self):
            self.closed = True

    leader = Leader()
    loop = loop_of(Source(long), leadership=leader, interval=3600)
    thread = threading.Thread(target=loop.run)
    thread.start()
    assert begun.wait(PATIENCE)
    assert loop.stop(10)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert leader.closed


def test_the_loop_stops_while_it_waits_for_the_next_pass():
    loop = loop_of(Source(), interval=3600)
    thread = threading.Thread(target=loop.run)
    thread.start()
    while loop.status.passed is None:
        time.sleep(0.005)
    assert loop.stop(10)
    thread.join(PATIENCE)


def test_the_status_file_has_the_time_of_the_last_pass(tmp_path):
    path = tmp_path / 'publisher.json'
    assert status_file.read(path) is None
    loop = loop_of(Source(None, OSError('down'), None), path=path)
    loop.once()
    first = status_file.read(path)
    assert first.source == 'cells'
    assert 0 <= first.age < 60
    assert first.full == first.passed
    assert first.counts['finished'] is True
    loop.once()
    second = status_file.read(path)
    # A failed pass does not reset the age.
    assert second.passed == first.passed
    assert second.counts['finished'] is False
    loop.once()
    assert status_file.read(path).passed > first.passed
    assert [path.name for path in tmp_path.iterdir()] == ['publisher.json']


@pytest.mark.parametrize('text', ['', '[]', '{}', '{"source": 1}', 'x'])
def test_another_file_is_not_a_status(tmp_path, text):
    path = tmp_path / 'publisher.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=r'.'):
        status_file.read(path)


def test_an_unwritable_status_file_does_not_end_the_loop(tmp_path, caplog):
    loop = loop_of(Source(), path=tmp_path / 'missing' / 'publisher.json')
    assert loop.once().finished
    assert loop.once().finished
    assert caplog.text.count('The status file is not written') == 1


def _metrics(counters):
    port = 0
    stop = None
    for port in range(38417, 38517):
        try:
            stop = counters.serve('127.0.0.1', port)
            break
        except OSError:
            continue
    try:
        with urllib.request.urlopen(
            f'http://127.0.0.1:{port}/metrics', timeout=PATIENCE
        ) as answer:
            return answer.read().decode()
    finally:
        stop()


def test_prometheus_gets_counts_and_age():
    now = [1000.0]
    counters = PublisherMetrics(clock=lambda: now[0])

    def work(report, may_continue):
        report.hosts, report.writes, report.incomplete = 4, 7, 1

    loop = loop_of(Source(work, work, OSError('x')), counters=counters)
    text = _metrics(counters)
    assert 'nfv_sched_publisher_age_seconds NaN' in text
    loop.once()
    loop.once()
    now[0] += 90
    loop.once()
    text = _metrics(counters)
    assert 'nfv_sched_publisher_writes_total 14.0' in text
    assert 'nfv_sched_publisher_torn_total 2.0' in text
    assert 'nfv_sched_publisher_age_seconds 90.0' in text
    assert 'nfv_sched_publisher_leads 1.0' in text
    assert (
        'nfv_sched_publisher_passes_total{finished="true",kind="full"} 2.0'
        in text
    )
    assert 'finished="false"' in text


def test_one_of_two_publishers_is_active_until_it_ends(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    url = f'file://{tmp_path}'
    first, second = ElectedLeader(url), ElectedLeader(url)
    assert first.leads()
    assert not second.leads()
    assert first.leads()
    assert not second.leads()
    first.close()
    assert second.leads()
    assert not first.leads()
    second.close()
    assert first.leads()
    first.close()
    assert caplog.text.count('Another publisher is active') == 2


def test_a_publisher_on_standby_reads_and_writes_nothing(tmp_path):
    url = f'file://{tmp_path}'
    first = ElectedLeader(url)
    assert first.leads()
    source = Source()
    loop = loop_of(
        source, leadership=ElectedLeader(url), path=tmp_path / 'status.json'
    )
    assert loop.once() is None
    assert source.clients == []
    written = status_file.read(tmp_path / 'status.json')
    assert (written.leads, written.passed) == (False, None)
    first.close()
    assert loop.once().finished
    assert status_file.read(tmp_path / 'status.json').leads


def test_without_the_coordination_service_a_publisher_is_active(caplog):
    url = f'etcd3+http://user:{SECRET}@127.0.0.1:1?timeout=0.2'
    leader = ElectedLeader(url)
    assert leader.leads()
    assert leader.leads()
    assert caplog.text.count('is not available') == 1
    assert SECRET not in caplog.text
    leader.close()


@pytest.mark.parametrize(
    'text',
    [
        f'no mysql+pymysql://nova:{SECRET}@db/nova?charset=utf8',
        f"Could not parse SQLAlchemy URL from string 'x://u:{SECRET}@@/d'",
        f'postgresql://nova:{SECRET}/@:p@db',
        f"password='{SECRET}'",
        f'rabbit://u:{SECRET}@a:5672,u:{SECRET}@b:5672/',
    ],
)
def test_passwords_are_masked(text):
    assert SECRET not in redact(text)


def test_text_without_passwords_stays():
    text = 'GET http://placement/x: 500 mail a@b.c'
    assert redact(text) == text


def test_no_password_in_logs_and_tracebacks(capsys):
    logger = logging.getLogger('tests.masking')
    handler = logging.StreamHandler()
    handler.addFilter(RedactingFilter())
    logger.addHandler(handler)
    try:
        sqlalchemy.create_engine(f'x://u:{SECRET}@@/@db:p/')
    except sqlalchemy.exc.SQLAlchemyError:
        logger.exception('Not read: %s', f'x://u:{SECRET}@db')
    finally:
        logger.removeHandler(handler)
    text = capsys.readouterr().err
    assert 'Not read: x://***@db' in text
    assert 'sqlalchemy.exc' in text
    assert 'Traceback' in text
    assert SECRET not in text
