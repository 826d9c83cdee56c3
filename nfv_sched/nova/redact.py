"""Texts of others without the passwords that they may quote."""

import logging
import re
import traceback

from oslo_utils import strutils

# Up to the last @: a URL that cannot be parsed is quoted whole by
# SQLAlchemy, and it cannot be parsed because of what is in its password.
_CREDENTIALS = re.compile(r'://[^\s]*@')


def redact(text: object) -> str:
    """``text`` as a string in which no URL has user name or password."""
    without_urls = _CREDENTIALS.sub('://***@', str(text))
    return str(strutils.mask_password(without_urls))


def describe_error(error: object) -> str:
    """The type and masked text of an exception, or of what stands for one."""
    lines = redact(error).split('\n')
    return f'{type(error).__name__}: {lines[0]}'


class RedactingFilter(logging.Filter):
    """Masks all that a handler is about to write, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's texts; lets every record pass."""
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and record.exc_info[1] is not None:
            lines = traceback.format_exception(record.exc_info[1])
            record.exc_text = redact(''.join(lines)).rstrip()
            # Formatters of oslo.log make a text of their own from this.
            record.exc_info = None
        return True
