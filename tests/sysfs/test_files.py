"""Lists and masks of CPUs."""

import pytest

from nfv_sched.sysfs.files import parse_list
from nfv_sched.sysfs.files import parse_mask


def test_a_list_and_a_mask_of_the_same_cpus_are_equal():
    assert parse_list('0-2,33,64-65') == {0, 1, 2, 33, 64, 65}
    assert parse_mask('3,00000002,00000007') == {0, 1, 2, 33, 64, 65}
    assert parse_list('') == parse_mask('0') == frozenset()
    for text in ('', 'x', '123456789', ',1'):
        with pytest.raises(ValueError, match='mask'):
            parse_mask(text)
