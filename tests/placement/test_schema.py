import uuid

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nfv_sched.placement import schema

UUID = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'


def test_uuids_are_those_of_the_design():
    root = uuid.uuid5(uuid.UUID(UUID), 'nfv')
    assert schema.root_uuid(UUID) == str(root)
    assert schema.cell_uuid(str(root), 3) == str(uuid.uuid5(root, 'numa3'))
    assert schema.usage_uuid(str(root)) == str(uuid.uuid5(root, 'usage'))


@given(st.uuids())
def test_a_compute_uuid_reads_back_from_totals(number):
    parts = schema.uuid_parts(str(number))
    assert all(1 <= total <= 2**26 for total in parts.values())
    assert schema.uuid_of_parts(list(parts.values())) == str(number)


@pytest.mark.parametrize('totals', [[0, 1, 1, 1, 1], [1, 1, 1, 1, 2**26]])
def test_impossible_uuid_parts_are_refused(totals):
    with pytest.raises(ValueError, match=r'.'):
        schema.uuid_of_parts(totals)


@given(st.text(st.characters(codec='utf-8')))
def test_an_escaped_name_reads_back(text):
    assert schema.unescape(schema.escape(text)) == text


@given(st.text('AZ09_', max_size=12))
def test_each_text_has_one_escaped_name(name):
    try:
        text = schema.unescape(name)
    except ValueError:
        return
    # _41 reads as a capital A; _61 would be a second name of a small a.
    assert schema.escape(text) == name


@pytest.mark.parametrize(
    ('text', 'name'),
    [
        ('physnet0', 'PHYSNET0'),
        ('Physnet0', '_50HYSNET0'),
        ('phys_net-1', 'PHYS__NET_2D1'),
        ('é', '_C3_A9'),
    ],
)
def test_physnets_keep_their_case(text, name):
    assert schema.physnet_trait(text) == f'CUSTOM_PHYSNET_{name}'
    assert schema.read_trait(f'CUSTOM_PHYSNET_{name}') == ('physnet', text)


@pytest.mark.parametrize(
    ('trait', 'fact'),
    [
        (schema.numa_id_trait(0), ('numa_id', 0)),
        (schema.numa_id_trait(77), ('numa_id', 77)),
        (schema.socket_trait(-1), ('socket', -1)),
        (schema.socket_trait(65536), ('socket', 65536)),
        (schema.distance_trait(0, 1, 21), ('distance', ((0, 1), 21))),
        (schema.l3_trait(7, 15), ('l3', (7, 15))),
        (schema.offline_trait(1, 2), ('offline', (1, 2))),
        (schema.vfs_trait('0000:3b:00.0', 64), ('vfs', ('0000:3b:00.0', 64))),
        (
            schema.link_trait('10000:e1:1f.7', 25000),
            ('mbps', ('10000:e1:1f.7', 25000)),
        ),
        ('CUSTOM_NFV_SYSFS', ('supplement', True)),
        (schema.parent_trait('0000:3b:00.0'), ('parent', '0000:3b:00.0')),
        (schema.parent_trait('10000:e1:1f.7'), ('parent', '10000:e1:1f.7')),
        (schema.parent_trait('0000:3B:00.0'), ('parent', '0000:3B:00.0')),
        ('CUSTOM_NFV_DOMAIN_RACK_IS_R7', ('domain', ('rack', 'r7'))),
        ('CUSTOM_NFV_TUNNELED', ('tunneled', True)),
        ('CUSTOM_NFV_PCI_VDPA', ('dev_type', 'vdpa')),
        ('HW_NUMA_ROOT', ('numa_root', True)),
        ('CUSTOM_RACK', None),
        ('HW_CPU_X86_AVX2', None),
    ],
)
def test_a_trait_stands_for_one_fact(trait, fact):
    assert schema.read_trait(trait) == fact


def test_the_parent_trait_of_an_address_is_plain():
    trait = schema.parent_trait('0000:3b:00.0')
    assert trait == 'CUSTOM_NFV_PARENT_0000_3B_00_0'


@pytest.mark.parametrize(
    'name',
    [
        'CUSTOM_NFV_NUMA_ID_01',
        'CUSTOM_NFV_NUMA_ID_N1',
        'CUSTOM_NFV_NUMA_ID_',
        'CUSTOM_NFV_SOCKET_N0',
        'CUSTOM_NFV_DISTANCE_1_21',
        'CUSTOM_NFV_L3_1',
        'CUSTOM_NFV_OFFLINE_1_02',
        'CUSTOM_NFV_VFS_0000_3B_00_0',
        'CUSTOM_NFV_MBPS_3B_00_0_25000',
        'CUSTOM_NFV_PARENT_3B_00_0',
        'CUSTOM_NFV_PARENTX_0000_3A3B_3A00_2E0',
        'CUSTOM_PHYSNET__',
        'CUSTOM_PHYSNET__C3',
        'CUSTOM_PHYSNET__61',
        'CUSTOM_NFV_DOMAIN_RACK_R7',
        'CUSTOM_NFV_DOMAIN_RACK_IS_',
        'CUSTOM_NFV_DOMAIN__IS_R7',
        'CUSTOM_NFV_DOMAIN_RACK_IS_R7_IS_R8',
        'CUSTOM_NFV_DOMAIN_RACK_IS__C3',
        'CUSTOM_NFV_DOMAIN_RACK_IS__61',
        'CUSTOM_NFV_FUTURE',
    ],
)
def test_a_trait_that_publishers_never_use_is_refused(name):
    with pytest.raises(ValueError, match=r'.'):
        schema.read_trait(name)


_words = st.one_of(
    st.sampled_from(['_is_', 'is', '_IS_', 'Rack 7 / hall "B"', '_', 'é']),
    st.text('is_IS_ 5', min_size=1, max_size=9),
    st.text(st.characters(codec='utf-8'), min_size=1, max_size=9),
)


@given(_words, _words)
def test_a_failure_domain_of_any_name_reads_back(kind, name):
    trait = schema.domain_trait(kind, name)
    assert schema.read_trait(trait) == ('domain', (kind, name))


@pytest.mark.parametrize(
    ('kind', 'name'),
    [('', 'r7'), ('rack', ''), ('rack', 'Ä' * 40), ('rack', '\ud800')],
)
def test_a_failure_domain_without_a_trait_is_refused(kind, name):
    with pytest.raises(schema.Unencodable):
        schema.domain_trait(kind, name)


@pytest.mark.parametrize(
    ('size', 'name'),
    [(4, '4KB'), (2048, '2MB'), (1048576, '1GB'), (1536, '1536KB')],
)
def test_pages_are_named_in_the_largest_whole_unit(size, name):
    assert schema.pages_class(size) == f'CUSTOM_NFV_PAGES_{name}'
    assert schema.read_class(f'CUSTOM_NFV_PAGES_{name}') == ('pages', size)


@pytest.mark.parametrize(
    'name', ['CUSTOM_NFV_PAGES_2048KB', 'CUSTOM_NFV_PCI_8086', 'CUSTOM_NFV_X']
)
def test_a_class_that_publishers_never_use_is_refused(name):
    with pytest.raises(ValueError, match=name):
        schema.read_class(name)
