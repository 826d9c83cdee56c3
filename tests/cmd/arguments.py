"""Arguments of commands that tests share."""


def by_hand(vcpus, ram, **specs):
    """The arguments that describe an instance without a flavor."""
    words = ['--vcpus', str(vcpus), '--ram', str(ram), '--disk', '1']
    for name, value in specs.items():
        words += ['--extra-spec', f'{name}={value}']
    return words
