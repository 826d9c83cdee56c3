#!/usr/bin/env python3
"""Write the software bill of materials of the package, as CycloneDX.

usage: python .ci/sbom.py FILE

Its components are the package and everything that it always needs, with the
versions and licences in the environment that is active.
"""

from importlib import metadata
import json
import pathlib
import subprocess
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging import requirements
from packaging import utils

_PACKAGE = 'nfv-sched'


def needed(name: str) -> set[str]:
    """The package and what it needs without extras, by canonical name."""
    found: set[str] = set()
    left = [(name, '')]
    seen = set()
    while left:
        package, extra = left.pop()
        if (package, extra) in seen:
            continue
        seen.add((package, extra))
        found.add(utils.canonicalize_name(package))
        for line in metadata.requires(package) or ():
            requirement = requirements.Requirement(line)
            marker = requirement.marker
            if marker is None or marker.evaluate({'extra': extra}):
                left += [
                    (requirement.name, each)
                    for each in ('', *requirement.extras)
                ]
    return found


def main() -> None:
    """Write the file; exit with 1 if it is no valid CycloneDX."""
    [path] = sys.argv[1:]
    document = json.loads(
        subprocess.run(  # noqa: S603 - words of this file
            [
                *(sys.executable, '-m', 'cyclonedx_py', 'environment'),
                *('--no-validate', '--sv', '1.6', '--output-reproducible'),
                sys.executable,
            ],
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
    )
    wanted = needed(_PACKAGE)
    components = {
        utils.canonicalize_name(component['name']): component
        for component in document['components']
    }
    if missing := sorted(wanted - components.keys()):
        sys.exit(f'not in the environment: {missing}')
    root = components.pop(_PACKAGE)
    # The checkout from which it was installed is of no interest elsewhere.
    root.pop('externalReferences', None)
    document.setdefault('metadata', {})['component'] = root
    document['components'] = [
        component
        for name, component in sorted(components.items())
        if name in wanted
    ]
    refs = {
        component['bom-ref'] for component in (root, *document['components'])
    }
    document['dependencies'] = [
        {
            **dependency,
            'dependsOn': sorted(refs & {*dependency.get('dependsOn', ())}),
        }
        for dependency in document['dependencies']
        if dependency['ref'] in refs
    ]
    text = json.dumps(document, indent=2) + '\n'
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        sys.exit(f'no valid CycloneDX: {problem}')
    pathlib.Path(path).write_text(text)


if __name__ == '__main__':
    main()
