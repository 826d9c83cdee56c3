"""Secrets of configuration do not leave by any way out."""

import itertools
import logging

import pytest

from nfv_sched.metrics_server import MetricsServer
from nfv_sched.nova import redact
from nfv_sched.placement.errors import Unavailable

SPACED = 'my placement secret words'
IN_URL = 'another-secret'
OF_DATABASE = 's3cret word@1'
TOKEN = 'gAAAAAB0123456789'  # noqa: S105 - a dummy
ALL = (SPACED, IN_URL, OF_DATABASE, 's3cret', 'secret words', TOKEN)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """What a test makes known ends with it."""
    monkeypatch.setattr(redact, '_known', [])


@pytest.fixture
def nova_conf(tmp_path):
    """Databases and a Keystone that refuse connections, with secrets."""
    path = tmp_path / 'nova.conf'
    path.write_text(f"""
[DEFAULT]
state_path = {tmp_path}
[api_database]
connection = postgresql://nova:{OF_DATABASE}@127.0.0.1:1/nova_api
[database]
connection = postgresql://nova:{OF_DATABASE}@127.0.0.1:1/nova
[placement]
auth_type = password
auth_url = http://admin:{IN_URL}@127.0.0.1:1/identity?token={TOKEN}
username = placement
password = {SPACED}
project_name = service
user_domain_name = Default
project_domain_name = Default
""")
    return path


@pytest.mark.parametrize('verbose', [(), ('-vvv', '--debug')])
@pytest.mark.parametrize(
    'words',
    [
        ('purge',),
        ('publish', '-f', 'json'),
        ('topology', '-f', 'json'),
        ('check', '-f', 'json'),
        ('explain', '--flavor', 'x', '-f', 'yaml'),
        ('report', '--output'),
    ],
)
def test_commands_mask_wherever_they_write(
    forked,
    nova_conf,
    tmp_path,
    words,
    verbose,
):
    page, log = tmp_path / 'cloud.html', tmp_path / 'log'
    more = (str(page),) if words[-1] == '--output' else ()
    code, out, err = forked(
        *verbose,
        '--log-file',
        str(log),
        *words,
        *more,
        '--config-file',
        str(nova_conf),
        OS_PASSWORD=SPACED,
    )
    assert code
    written = out + err + log.read_text()
    written += page.read_text() if page.exists() else ''
    assert '127.0.0.1' in written
    for secret in ALL:
        assert secret not in written


NAMES = (
    'password',
    'admin_password',
    'OS_PASSWORD',
    'auth_token',
    'X-Auth-Token',
    'X-Service-Token',
    'X-Subject-Token',
    'Authorization',
    'secret',
    'application_credential_secret',
    'api_key',
    'private_key',
)


@pytest.mark.parametrize(
    ('name', 'form'),
    itertools.product(
        NAMES,
        [
            '{name} = {value}',
            '{name}: {value}',
            "'{name}': '{value}'",
            '{{"{name}": "{value}", "id": 1}}',
            'GET http://h/x?{name}={value}&limit=1',
            '-H "{name}: {value}"',
        ],
    ),
)
def test_what_has_the_name_of_a_secret_is_masked(name, form):
    value = 'Bearer my hunter' if 'http' not in form else 'hunter'
    text = redact.redact(form.format(name=name, value=value))
    assert 'hunter' not in text
    assert name in text
    for rest in ('"id": 1}', '&limit=1'):
        assert (rest in text) is (rest in form.format(name='', value=''))


def test_every_name_of_the_list_is_masked():
    for name in redact.SECRET_NAMES:
        assert redact.redact(f'my_{name}=x y') == f'my_{name}=***'


@pytest.mark.parametrize(
    'text',
    [
        'GET http://placement:8778/x: 500 mail a@b.c',
        'the password is wrong',
        'tokens: 3',
        'token_endpoint: http://keystone/',
        'Failed: token expired',
    ],
)
def test_other_texts_stay(text):
    assert redact.redact(text) == text


def test_values_that_were_read_are_masked_in_any_text():
    redact.remember_file(
        f'[placement]\npassword = {SPACED}\n'
        f'auth_url = http://admin:{IN_URL}@keystone/\n'
        'username = placement-user\n'
    )
    redact.remember_named({'OS_TOKEN': TOKEN, 'OS_USERNAME': 'administrator'})
    text = f'{SPACED}; {IN_URL}; {TOKEN}; placement-user; administrator'
    assert (
        redact.redact(text) == '***; ***; ***; placement-user; administrator'
    )
    # As a URL has it.
    assert 'words' not in redact.redact(SPACED.replace(' ', '%20'))


def test_short_values_do_not_hide_ordinary_words():
    redact.remember_file('password = nova\n')
    assert redact.redact('nova-compute') == 'nova-compute'


def test_the_status_file_and_the_log_of_the_publisher_mask(caplog):
    def refuse():
        raise OSError(f'http://u:{IN_URL}@host is busy')

    server = MetricsServer(refuse, 'localhost port 1')
    assert IN_URL not in server.ensure()
    assert IN_URL not in caplog.text


def test_exceptions_are_masked_with_their_tracebacks(capsys):
    logger = logging.getLogger('tests.secrets')
    handler = logging.StreamHandler()
    handler.addFilter(redact.RedactingFilter())
    logger.addHandler(handler)
    error = Unavailable(f'http://u:{IN_URL}@h: X-Auth-Token: {TOKEN}')
    try:
        logger.error(error, exc_info=error)
    finally:
        logger.removeHandler(handler)
    text = capsys.readouterr().err
    assert 'Unavailable: http://***@h: X-Auth-Token: ***' in text
    assert IN_URL not in text
    assert TOKEN not in text
