"""What is typed is validated as nova-api would."""

from nfv_sched_testing.clouds import HUGE

BY_HAND = ('explain', '--vcpus', '2', '--ram', '1024')


def test_a_misspelt_extra_spec_is_an_error(run):
    words = ('--extra-spec', 'hw:cpu_polcy=dedicated')
    assert run(*BY_HAND, *words, code=1) == ''
    assert '--extra-spec hw:cpu_polcy' in run.err
    assert 'did you mean hw:cpu_policy?' in run.err


def test_all_invalid_extra_specs_are_named(run):
    words = (
        *('--extra-spec', 'hw:cpu_policy=pinned'),
        *('--extra-spec', 'nfv:placement=somewhere'),
    )
    assert run(*BY_HAND, *words, code=1) == ''
    assert 'hw:cpu_policy' in run.err
    assert 'nfv:placement' in run.err


def test_a_stored_invalid_extra_spec_is_a_warning(run, flavors_of):
    flavors_of('odd', extra_specs={**HUGE, 'hw:cpu_polcy': 'dedicated'})
    assert run('capacity', '--flavor', 'odd')
    assert 'Flavor odd has hw:cpu_polcy' in run.err


def test_a_device_profile_is_not_known(run, flavors_of):
    flavors_of('fpga', extra_specs={'accel:device_profile': 'encoder'})
    port = ('--port', 'vnic_type=accelerator-direct,accelerator=FPGA')
    for words, lacking in (
        # Nova asks for this trait of the compute node by itself.
        (('--flavor', 'fpga'), {'trait COMPUTE_ACCELERATORS'}),
        (
            ('--flavor', 'fpga', *port),
            {'trait COMPUTE_ACCELERATORS', 'FPGA'},
        ),
    ):
        found = run('explain', *words)
        assert {row['condition'] for row in found['blockers']} == lacking
        assert 'What the device profile encoder asks is known to' in run.err


def test_the_name_of_a_flavor_may_have_an_equals_sign(run, flavors_of):
    flavors_of('tier=2', 'tier', extra_specs=HUGE)
    named = run('capacity', '--flavor', 'tier=2')
    assert [row['flavor'] for row in named['total']] == ['tier=2']
    words = ('--flavor', 'tier=3', '--flavor', 'tier=2')
    weighted = run('capacity', *words)
    assert {row['flavor'] for row in weighted['total']} >= {'tier', 'tier=2'}
