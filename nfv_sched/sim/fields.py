"""Reading values out of YAML with errors that name the entry at fault."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import re
from typing import Any
from typing import Self

_UNSET: Any = object()
_UNITS_KIB = {'K': 1, 'M': 1024, 'G': 1024 * 1024}
_PAGE_SIZE = re.compile(r'^(\d+)([KMG])$')
_PCI_ADDRESS = re.compile(r'^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$')
_PCI_IDS = re.compile(r'^([0-9a-f]{4}):([0-9a-f]{4})$')
_CPU_RANGE = re.compile(r'^(\d+)(?:-(\d+)(?::(\d+)/(\d+))?)?$')


class MachineError(ValueError):
    """A description says something impossible, or not enough."""

    def __init__(self, name: str, complaint: str) -> None:
        super().__init__(f'machine {name}: {complaint}')

    @classmethod
    def at(cls, name: str, path: str, complaint: str) -> Self:
        """Return the error that an entry of a description is wrong."""
        return cls(name, f'{path or "it"}: {complaint}')


def parse_cpus(text: str) -> frozenset[int]:
    """CPUs of a list as the kernel writes it: ``0-3,8``, ``0-103:1/2``.

    ``a-b:used/size`` takes the first ``used`` of every ``size`` CPUs.

    :raises ValueError: not such a list
    """
    cpus: set[int] = set()
    for part in filter(None, text.replace(' ', '').split(',')):
        match = _CPU_RANGE.match(part)
        if match is None:
            raise ValueError(f'{part!r} is no range of CPUs')
        first, last, used, size = match.groups()
        run = range(int(first), int(last or first) + 1)
        cpus.update(
            cpu
            for place, cpu in enumerate(run)
            if size is None or place % int(size) < int(used)
        )
    return frozenset(cpus)


class Fields:
    """One mapping of a description, every entry of which must be known.

    :param path: of the mapping, ends in a dot unless it is all
    :param complain: makes an error of the path of an entry, which is empty
        for all, and of what is wrong there
    """

    def __init__(
        self,
        path: str,
        data: object,
        complain: Callable[[str, str], Exception],
    ) -> None:
        self._path = path
        self._complain = complain
        if not isinstance(data, Mapping):
            raise complain(path.rstrip('.'), 'must be a mapping')
        self._data = data
        self._seen: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def is_mapping(self, key: str) -> bool:
        """Whether an entry is there and a mapping."""
        return isinstance(self._data.get(key), Mapping)

    def fail(self, key: str, complaint: str) -> Exception:
        """Return the error that an entry is wrong."""
        return self._complain(f'{self._path}{key}'.rstrip('.'), complaint)

    def _get(self, key: str, kind: type, default: Any = _UNSET) -> Any:
        self._seen.add(key)
        value = self._data.get(key, default)
        if value is _UNSET:
            raise self.fail(key, 'is missing')
        # bool is an int in Python, never in a description.
        if not isinstance(value, kind) or (
            kind is int and isinstance(value, bool)
        ):
            raise self.fail(key, f'{value!r} is not {kind.__name__}')
        return value

    def finish(self) -> None:
        """Complain about entries that nobody asked for: typing errors."""
        for key in self._data:
            if key not in self._seen:
                raise self.fail(str(key), 'is unknown')

    def text(self, key: str, default: str = _UNSET) -> str:
        """Return a string."""
        return str(self._get(key, str, default))

    def optional_text(self, key: str) -> str | None:
        """Return a string, or None where the entry is missing."""
        return self.text(key) if key in self._data else None

    def number(self, key: str, default: int = _UNSET) -> int:
        """Return a number that is not negative."""
        value = int(self._get(key, int, default))
        if value < 0:
            raise self.fail(key, 'is negative')
        return value

    def optional_number(self, key: str) -> int | None:
        """Return a number, or None where the entry is missing."""
        return self.number(key) if key in self._data else None

    def flag(self, key: str) -> bool:
        """Return true or false, which is what a missing entry means."""
        return bool(self._get(key, bool, False))

    def words(self, key: str, default: Sequence[str] = _UNSET) -> list[str]:
        """Return a list of strings."""
        return [str(item) for item in self._get(key, list, default)]

    def texts(self, key: str) -> dict[str, str]:
        """Return a mapping of strings, empty where the entry is missing."""
        return self.section(key, {}).all_texts()

    def lists(self, key: str) -> dict[str, list[str]]:
        """Return a mapping to lists of strings; one may stand for itself."""
        section = self.section(key, {})
        found = {}
        for name, value in self._data.get(key, {}).items():
            if isinstance(value, str):
                found[str(name)] = [section.text(name)]
            else:
                found[str(name)] = section.words(name)
        return found

    def all_texts(self) -> dict[str, str]:
        """Return all entries as strings, which numbers may stand for."""
        self._seen.update(self._data)
        found = {}
        for name, value in self._data.items():
            if not isinstance(value, str | int) or isinstance(value, bool):
                raise self.fail(str(name), f'{value!r} is not a string')
            found[str(name)] = str(value)
        return found

    def numbers(self, key: str, default: Sequence[int] = _UNSET) -> list[int]:
        """Return a list of numbers."""
        items = self._get(key, list, default)
        if not all(isinstance(item, int) for item in items):
            raise self.fail(key, f'{items!r} are not numbers')
        return list(items)

    def choice(self, key: str, default: str, choices: Sequence[str]) -> str:
        """Return one of the ``choices``."""
        value = self.text(key, str(default))
        if value not in choices:
            raise self.fail(key, f'{value!r} is none of {list(choices)}')
        return value

    def section(self, key: str, default: object = _UNSET) -> 'Fields':
        """Return a mapping below this one."""
        value = self._get(key, dict, default)
        return Fields(f'{self._path}{key}.', value, self._complain)

    def entries(
        self, key: str, default: Sequence[object] = _UNSET
    ) -> list['Fields']:
        """Return a list of mappings."""
        return [
            Fields(f'{self._path}{key}[{place}].', item, self._complain)
            for place, item in enumerate(self._get(key, list, default))
        ]

    def cpus(self, key: str, default: str = _UNSET) -> frozenset[int]:
        """Return the CPUs of a list in the kernel's notation."""
        self._seen.add(key)
        value = self._data.get(key, default)
        if value is _UNSET:
            raise self.fail(key, 'is missing')
        try:
            return parse_cpus(str(value))
        except ValueError as error:
            raise self.fail(key, str(error)) from error

    def pages(self, key: str) -> dict[int, int]:
        """Return counts by page size in KiB from ``{2M: 128, 1G: 4}``."""
        section = self.section(key, {})
        counts = {}
        for size in self._data.get(key, {}):
            match = _PAGE_SIZE.match(str(size))
            if match is None:
                raise self.fail(key, f'{size!r} is no page size')
            kib = int(match[1]) * _UNITS_KIB[match[2]]
            counts[kib] = section.number(size)
        return counts

    def pci_address(self, key: str) -> str:
        """Return a PCI address in full."""
        value = self.text(key)
        if not _PCI_ADDRESS.match(value):
            raise self.fail(key, f'{value!r} is no PCI address')
        return value

    def pci_ids(self, key: str) -> tuple[str, str]:
        """Return vendor and product of ``8086:158b``."""
        value = self.text(key)
        match = _PCI_IDS.match(value)
        if match is None:
            raise self.fail(key, f'{value!r} is not vendor:product')
        return match[1], match[2]
