"""Options of an INI file by line, as devstack's functions change them.

An option may stand several times, which configparser does not allow.
"""

import pathlib
import re
import sys


def _section(lines: list[str], name: str) -> tuple[int, int]:
    """Where a section's options begin and end; made where there is none."""
    header = f'[{name}]'
    if header not in lines:
        lines += ['', header]
    begin = lines.index(header) + 1
    for place in range(begin, len(lines)):
        if lines[place].startswith('['):
            return begin, place
    return begin, len(lines)


def get(path: pathlib.Path, section: str, option: str) -> list[str]:
    """The option's values, in order."""
    lines = path.read_text().splitlines()
    begin, end = _section(lines, section)
    matches = (
        re.fullmatch(rf'{re.escape(option)}\s*=\s*(.*)', line)
        for line in lines[begin:end]
    )
    return [match[1] for match in matches if match]


def read(path: pathlib.Path) -> dict[str, dict[str, list[str]]]:
    """The values of every option, by section and option."""
    sections: dict[str, dict[str, list[str]]] = {}
    section = ''
    for line in path.read_text().splitlines():
        if header := re.fullmatch(r'\[(.+)\]', line):
            section = header[1]
        elif option := re.fullmatch(r'(\w+)\s*=\s*(.*)', line):
            values = sections.setdefault(section, {})
            values.setdefault(option[1], []).append(option[2])
    return sections


def plain(value: object) -> float | str:
    """A value for comparison: 0.0 is 0, and True is true."""
    text = str(value).lower()
    try:
        return float(text)
    except ValueError:
        return text


def put(
    path: pathlib.Path, section: str, option: str, values: list[str]
) -> None:
    """Make these the option's values, and the only ones."""
    lines = path.read_text().splitlines()
    begin, end = _section(lines, section)
    kept = [
        line
        for line in lines[begin:end]
        if not re.match(rf'{re.escape(option)}\s*=', line)
    ]
    lines[begin:end] = [*(f'{option} = {value}' for value in values), *kept]
    path.write_text('\n'.join(lines) + '\n')


if __name__ == '__main__':
    what, name, group, key, *rest = sys.argv[1:]
    if what == 'get':
        sys.stdout.write(' '.join(get(pathlib.Path(name), group, key)) + '\n')
    else:
        put(pathlib.Path(name), group, key, rest)
