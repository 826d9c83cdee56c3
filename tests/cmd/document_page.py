"""The page that describes documents, and documents compared with it."""

import pathlib
import re

_PAGE = pathlib.Path(__file__).parents[2] / 'doc/source/documents.rst'
_TYPES = {
    'text': str,
    'number': (int, float),
    'truth value': bool,
    'number or text': (int, float, str),
}


def _rows(text):
    """The rows of all list-tables, as lists of cells."""
    rows = []
    for line in text.splitlines():
        if line.startswith('   * - '):
            rows.append([line[7:]])
        elif line.startswith('     - '):
            rows[-1].append(line[7:])
        elif rows and line.startswith('       '):
            rows[-1][-1] += f' {line.strip()}'
    return rows


def _sections():
    """The texts of the page by heading."""
    parts = re.split(r'(?m)^(\S.*)\n=+$\n', _PAGE.read_text())
    return {
        name.replace('``', ''): text
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def types_of(command):
    """The type of each key of a command, those of all commands included."""
    sections = _sections()
    return {
        key[2:-2]: kind
        for name in ('Every document', command)
        for key, kind, _ in _rows(sections[name])
        if key != 'Key'
    }


def exit_codes():
    """The commands, code and meaning of each row."""
    return [
        (command, int(code), meaning)
        for command, code, meaning in _rows(_sections()['Exit codes'])
        if command != 'Command'
    ]


def check_documents(command, *documents):
    """Check that the page has the keys of documents, and no others."""
    types = types_of(command)
    found = set()
    for document in documents:
        _visit(document, '', types, found)
    assert sorted(types.keys() - found) == []


def _visit(value, path, types, found):
    rest = f'{path}.*'
    if isinstance(value, dict) and types.get(rest, '').startswith('as in '):
        found.add(rest)
    elif isinstance(value, dict):
        for key, below in value.items():
            dot = '.' if path else ''
            name = f'{path}{dot}{key}'
            if not _is_known(name, types):
                name = f'{path}{dot}*'
            assert _is_known(name, types), f'{path}{dot}{key}'
            _visit(below, name, types, found)
    elif isinstance(value, list) and types.get(f'{path}[]', '').startswith(
        'as in '
    ):
        found.add(f'{path}[]')
    elif isinstance(value, list):
        assert _is_known(f'{path}[]', types), path
        found.update({f'{path}[]'} & types.keys())
        for below in value:
            _visit(below, f'{path}[]', types, found)
    elif value is None:
        row = path if path in types else f'{path}[]'
        # What has no row of its own is explained at its parent.
        assert types.get(row, 'null').endswith('null'), path
        found.add(row)
    else:
        kind = types[path].removesuffix(' or null')
        assert isinstance(value, _TYPES[kind]), (path, value)
        assert isinstance(value, bool) is (kind == 'truth value'), path
        found.add(path)


def _is_known(path, types):
    return any(
        each == path or each.startswith((f'{path}.', f'{path}[]'))
        for each in types
    )
