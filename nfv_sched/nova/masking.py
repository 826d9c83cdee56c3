"""Texts of others without the passwords that they may quote."""

import re

from oslo_utils import strutils

# Up to the last @: a URL that cannot be parsed is quoted whole by
# SQLAlchemy, and it cannot be parsed because of what is in its password.
_CREDENTIALS = re.compile(r'://[^\s]*@')


def masked(text: object) -> str:
    """``text`` as a string in which no URL has user name or password."""
    found = _CREDENTIALS.sub('://***@', str(text))
    return str(strutils.mask_password(found))


def described(error: BaseException) -> str:
    """An exception's type and masked text, in one line."""
    lines = masked(error).split('\n')
    return f'{type(error).__name__}: {lines[0]}'
