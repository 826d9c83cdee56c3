"""JSON schemas that are checked once in a process.

``jsonschema.validate`` checks the schema in each call, which takes a sixth of
the time of a request to Placement. Schemas of Placement and Nova never change.
"""

import jsonschema


def check_once():
    """Let ``jsonschema.validate`` check each schema only the first time."""
    validator = jsonschema.Draft202012Validator
    check_schema = validator.check_schema
    checked = {}

    def check_first(schema, *args, **kwargs):
        # A schema that is kept has its id for itself.
        if id(schema) not in checked:
            check_schema(schema, *args, **kwargs)
            checked[id(schema)] = schema

    validator.check_schema = check_first
