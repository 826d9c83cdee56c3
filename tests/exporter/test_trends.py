"""The trend of a Prometheus, and of what is none."""

import json

import pytest

from nfv_sched.exporter import trends
from nfv_sched_testing.fake_prometheus import answering
from nfv_sched_testing.fake_prometheus import matrix
from nfv_sched_testing.fake_prometheus import series


def test_a_period_is_asked_for_and_lines_are_named():
    def answer(environ):
        if 'capacity' in environ['QUERY_STRING']:
            few = series([[0, '1'], [60, '2']], flavor_name='{few}')
            many = series([[0, 'NaN'], [60, '9']], flavor_name='many')
            return matrix(few, many)
        return matrix()

    with answering(answer) as (url, asked):
        [found] = trends.read(url, 1, now=86400.0)
    assert found.title == 'Instances that fit, by flavor'
    # The greatest at the end comes first; a name is no format.
    assert [(line.name, line.points) for line in found.series] == [
        ('many', ((60.0, 9.0),)),
        ('{few}', ((0.0, 1.0), (60.0, 2.0))),
    ]
    assert {environ['PATH_INFO'] for environ in asked} == {
        '/api/v1/query_range'
    }
    for environ in asked:
        assert 'start=0&end=86400&step=360' in environ['QUERY_STRING']


def test_what_prometheus_does_not_have_is_left_out():
    with answering(lambda environ: matrix()) as (url, _):
        assert trends.read(url, 7) == []


@pytest.mark.parametrize(
    ('status', 'body', 'text'),
    [
        ('400 Bad Request', {'status': 'error', 'error': 'parse'}, 'parse'),
        ('200 OK', {'status': 'success'}, 'as Prometheus does'),
        ('200 OK', ['status'], 'as Prometheus does'),
        ('502 Bad Gateway', '<html>', 'HTTP 502'),
    ],
)
def test_another_answer_is_named(status, body, text):
    said = body if isinstance(body, str) else json.dumps(body)
    with (
        answering(lambda environ: (status, said)) as (url, _),
        pytest.raises(trends.NoTrendError, match=text),
    ):
        trends.read(url, 7)


def test_no_redirect_is_followed():
    """urllib3 before 2.5.0 follows them in spite of a pool without retries."""

    def answer(environ):
        if environ['PATH_INFO'].startswith('/api'):
            return '302 Found', '', [('Location', '/other')]
        return matrix(series([[0, '1']], flavor_name='x'))

    with (
        answering(answer) as (url, asked),
        pytest.raises(trends.NoTrendError, match='HTTP 302'),
    ):
        trends.read(url, 7)
    assert len(asked) == 1


def test_a_password_is_sent_and_not_shown():
    def answer(environ):
        return '401 Unauthorized', environ['HTTP_AUTHORIZATION']

    with answering(answer) as (url, asked):
        named = url.replace('http://', 'http://me:sesame@')
        with pytest.raises(trends.NoTrendError) as error:
            trends.read(named, 7)
    assert asked[0]['HTTP_AUTHORIZATION'].startswith('Basic ')
    assert 'sesame' not in str(error.value)


@pytest.mark.parametrize('url', ['ftp://host', 'host:9090', 'http://', '::'])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(trends.NoTrendError, match='--prometheus'):
        trends.read(url, 7)


def test_nobody_answers():
    with pytest.raises(trends.NoTrendError, match='does not answer'):
        trends.read('http://127.0.0.1:1', 7)
