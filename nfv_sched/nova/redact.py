"""Texts of others without the secrets that they may quote.

Secrets are recognized by the names in ``SECRET_NAMES``, as a user's part of a
URL, and by their values, where these were read from configuration before
(:func:`remember`): a password with spaces has no end that could be seen.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import logging
import re
import traceback
from typing import Any
import urllib.parse

#: What the names of secrets have in them: of options, of environment
#: variables, of keys in clouds.yaml and JSON, of headers and parameters.
SECRET_NAMES = (
    'password',
    'passwd',
    'pswd',
    'passphrase',
    'passcode',
    'admin_pass',
    'new_pass',
    'secret',
    'secret_key',
    'access_key',
    'api_key',
    'private_key',
    'encrypted_key',
    'fernet_key',
    'token',
    'credential',
    'cookie',
    'authorization',
)
_MASK = '***'
# Up to the last @: a URL that cannot be parsed is quoted whole by
# SQLAlchemy, and it cannot be parsed because of what is in its password.
_CREDENTIALS = re.compile(
    r'://[^\s]*@'
    # With spaces in the password; a port is none.
    r'|://[^\s/@:]*:(?!\d+(?:/|\s|$))[^\n]*@'
)
_USER_PART = re.compile(r'://([^\n]*)@')
_NAME = rf'[\w-]*(?:{"|".join(SECRET_NAMES)})'.replace('_', '[_-]?')
#: NAME=VALUE, NAME: VALUE, 'NAME': 'VALUE'; the rest of a value without
#: quotes that may have spaces.
_NAMED = re.compile(
    rf'(?P<name>(?<![\w-]){_NAME}\b["\']?\s*[=:]\s*)'
    r'(?:(?P<quote>["\'])(?!\*\*\*).*?(?P=quote)|(?!["\'{\[])[^\n&,;}\])"\']+)',
    re.IGNORECASE,
)
_IS_SECRET = re.compile(_NAME, re.IGNORECASE)
_LINE = re.compile(
    r'^[ \t]*([\w-]+)[ \t]*[=:][ \t]*(.*?)[ \t]*$', re.MULTILINE
)
#: Shorter values are words that other texts have, such as "nova".
_LEAST = 8

#: Values of secrets that this process has read, longest first.
_known: list[str] = []
_NO_TABLE = re.compile(
    r'no such table: (?P<sqlite>[\w.]+)'
    r"|Table '(?P<mysql>[\w.]+)' doesn't exist"
    r'|relation "(?P<postgresql>[\w.]+)" does not exist'
)


def remember(values: Iterable[str]) -> None:
    """Mask these values from now on, and the passwords of URLs among them."""
    found = set(_known)
    for value in values:
        text = str(value)
        parts = [text] if '://' not in text else []
        parts += [user.partition(':')[2] for user in _USER_PART.findall(text)]
        for part in parts:
            found |= {part, urllib.parse.unquote_plus(part)}
            found |= {urllib.parse.quote(part, safe=''), repr(part)[1:-1]}
    _known[:] = sorted(
        (value for value in found if len(value) >= _LEAST),
        key=len,
        reverse=True,
    )


def remember_named(values: Mapping[str, Any]) -> None:
    """Mask the values whose names say that they are secret, and URLs."""
    remember(
        str(value)
        for name, value in values.items()
        if value and (_IS_SECRET.search(name) or '://' in str(value))
    )


def remember_file(text: str) -> None:
    """Mask the secrets in the text of a configuration file."""
    for name, value in _LINE.findall(text):
        remember_named({name: value.strip('\'"')})


def redact(text: object) -> str:
    """``text`` as a string without secrets."""
    masked = str(text)
    for value in _known:
        masked = masked.replace(value, _MASK)
    masked = _CREDENTIALS.sub(f'://{_MASK}@', masked)
    return _NAMED.sub(_masked, masked)


def _masked(match: re.Match[str]) -> str:
    quote = match['quote'] or ''
    return f'{match["name"]}{quote}{_MASK}{quote}'


def in_words(error: object) -> str:
    """The masked text of an exception, or of what stands for one.

    A database whose tables are missing is named as one that was never
    synchronized, without the query that failed.
    """
    text = str(error)
    if match := _NO_TABLE.search(text):
        table = next(filter(None, match.groups()))
        return (
            f'the database has no table {table}: it was never synchronized '
            '("nova-manage api_db sync", "nova-manage db sync")'
        )
    return redact(text)


def describe_error(error: object) -> str:
    """The type and masked text of an exception, or of what stands for one."""
    lines = in_words(error).split('\n')
    return f'{type(error).__name__}: {lines[0]}'


class RedactingFilter(logging.Filter):
    """Masks all that a handler is about to write, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's texts; lets every record pass."""
        if isinstance(record.msg, Exception):
            record.msg, record.args = in_words(record.msg), None
        else:
            record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and record.exc_info[1] is not None:
            lines = traceback.format_exception(record.exc_info[1])
            record.exc_text = redact(''.join(lines)).rstrip()
            # Formatters of oslo.log make a text of their own from this.
            record.exc_info = None
        return True
