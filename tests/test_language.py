"""Texts that people read are plain technical English.

The word list is of words that a reader of OpenStack's documentation does not
expect: archaic ones, and pronouns in place of the name of a thing. See
doc/source/contributing.rst.
"""

import ast
import collections
import pathlib
import re

import pytest

_ROOT = pathlib.Path(__file__).parents[1]

#: Each is banned as a whole word or phrase, in any case.
BANNED = (
    'amid',
    'anew',
    'at a glance',
    'at hand',
    'at one stroke',
    'at the most',
    'by chance',
    'for ever',
    'forsaken',
    'go on',
    'goes on',
    'guessed',
    'heed',
    'in hand',
    'is told',
    'are told',
    'lately',
    'let go of',
    'make no sense',
    'makes no sense',
    'nobody',
    'of late',
    'quietly',
    'rubbish',
    'so many',
    'somebody',
    'take notice',
    'takes notice',
    'tells of',
    'thereof',
    'upon',
    'wherever',
    'whichever',
    'whoever',
    'whom',
    'whomever',
)
_WORDS = re.compile(
    r'\b(?:'
    + '|'.join(re.escape(text).replace(r'\ ', r'\s+') for text in BANNED)
    + r')\b',
    re.IGNORECASE,
)
# Code in a text is not prose.
_CODE = re.compile(r'``[^`]+``')

PAGES = [
    _ROOT / 'README.rst',
    _ROOT / 'devstack' / 'README.rst',
    _ROOT / 'etc' / 'nfv_sched.conf.sample',
    _ROOT / 'etc' / 'nova.conf.example',
    *sorted((_ROOT / 'doc' / 'source').rglob('*.rst')),
    *sorted((_ROOT / 'releasenotes' / 'notes').glob('*.yaml')),
]
MODULES = sorted((_ROOT / 'nfv_sched').rglob('*.py'))


def _name(path):
    return str(path.relative_to(_ROOT))


def banned_in(text):
    """The banned words of a text, each with the number of its line."""
    prose = _CODE.sub(lambda code: '\n' * code[0].count('\n'), text)
    return [
        (prose.count('\n', 0, word.start()) + 1, ' '.join(word[0].split()))
        for word in _WORDS.finditer(prose)
    ]


def strings_of(tree):
    """Every docstring and string literal, f-strings as one, with its line."""
    parts = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            values = [
                value.value if isinstance(value, ast.Constant) else '{}'
                for value in node.values
            ]
            parts |= {
                value
                for value in node.values
                if isinstance(value, ast.Constant)
            }
            yield node.lineno, ''.join(map(str, values))
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node not in parts
        ):
            yield node.lineno, node.value


def test_phrases_are_found_across_lines_and_words_in_any_case():
    text = 'Nobody is\ntold, ``anew`` is code; undertaking is no word of it.'
    assert banned_in(text) == [(1, 'Nobody'), (1, 'is told')]


def test_docstrings_literals_and_f_strings_are_read():
    source = '"""Anew."""\nname = "whom"\nother = f"at {name} hand, lately"\n'
    words = [
        word
        for _, text in strings_of(ast.parse(source))
        for _, word in banned_in(text)
    ]
    assert sorted(words) == ['Anew', 'lately', 'whom']


@pytest.mark.parametrize('page', PAGES, ids=_name)
def test_pages_are_in_plain_english(page):
    assert banned_in(page.read_text()) == []


@pytest.mark.parametrize('module', MODULES, ids=_name)
def test_docstrings_and_output_are_in_plain_english(module):
    assert [
        (line + number - 1, word)
        for line, text in strings_of(ast.parse(module.read_text()))
        for number, word in banned_in(text)
    ] == []


def test_no_name_of_a_class_means_two_things():
    names = collections.Counter(
        node.name
        for module in MODULES
        for node in ast.parse(module.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith('_')
    )
    assert [name for name, count in names.items() if count > 1] == []
