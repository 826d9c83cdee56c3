"""Classes found by entry point, for nova.conf's dotted names."""

import stevedore


def classes(namespace: str) -> list[type]:
    """The classes that any installed package offers in a namespace.

    Sorted by name, so that Nova builds the same list in every process.

    :raises Exception: what importing a broken entry point raises: a
        scheduler must not start with half of its filters
    """

    def fail(
        manager: object, entry_point: object, error: BaseException
    ) -> None:
        raise error

    found: stevedore.ExtensionManager[type] = stevedore.ExtensionManager(
        namespace, on_load_failure_callback=fail
    )
    return sorted(
        (extension.plugin for extension in found),
        key=lambda cls: cls.__name__,
    )
