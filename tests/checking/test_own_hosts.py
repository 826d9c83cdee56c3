"""Instances whose stored request no longer fits their own host."""

import dataclasses

from hypothesis import given
from hypothesis import settings
from oslo_upgradecheck.upgradecheck import Code
import pytest

from nfv_sched import fit
from nfv_sched.checking import own_hosts
from nfv_sched.checking.own_hosts import Requests
from nfv_sched.model import HostTopology
from nfv_sched.nova import request_spec
from nfv_sched.nova import stored_requests
from nfv_sched.sim import flavors
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import nova as nova_survey
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.builders import host_of
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.residents import devices
from nfv_sched_testing.residents import resident

HOSTS = dict.fromkeys(('cmp-0', 'cmp-1'), 'dell-2x6230r-64vf')
GUESTS = ('anuket-HS.large', 'opnfv-vrouter-2port', 'anuket-HS.large')


@pytest.fixture(scope='module')
def cloud():
    with cloud_of(HOSTS, aliases=flavors.aliases()) as running:
        known = flavors.flavors()
        for name in GUESTS:
            [guest] = running.boot(known[name], name=name)
            assert guest.booted
            running.request_spec(known[name], uuids=[guest.uuid]).create()
        yield running


@pytest.fixture(scope='module')
def survey(cloud):
    return nova_survey.read()


@pytest.fixture(scope='module')
def stored(survey):
    uuids = [
        instance.uuid for host in survey.hosts for instance in host.residents
    ]
    return stored_requests.read_guests(uuids)


def check(hosts, stored, **values):
    requests = Requests(stored.guests, stored.problems, **values)
    return own_hosts.check(hosts, requests)


def test_stored_requests_are_read_together(cloud, survey, stored):
    assert len(stored.guests) == len(GUESTS)
    assert stored.problems == {}
    for uuid, guest in stored.guests.items():
        spec = stored_requests.stored_spec(cloud.context, uuid)
        one = request_spec.read_guest(spec)
        assert fit.FitRequest(one).shape == fit.FitRequest(guest).shape
        assert one.physnets == guest.physnets
    # Instances that asked for the same share a guest.
    assert len(set(map(id, stored.guests.values()))) == len(set(GUESTS))


def test_what_claims_placed_fits(survey, stored):
    result = check(survey.hosts, stored)
    assert (result.code, result.findings) == (Code.SUCCESS, [])


def test_dedicated_cpus_that_were_taken_away(survey, stored):
    host = next(host for host in survey.hosts if host.residents)
    cells = [
        cell.evolve(dedicated_cpus=frozenset(), pinned_cpus=frozenset())
        for cell in host.state.cells
    ]
    changed = dataclasses.replace(host, state=host.state.evolve(cells=cells))
    result = check([changed], stored)
    assert result.code is Code.WARNING
    assert len(result.findings) == len(host.residents)
    for finding, instance in zip(result.findings, host.residents, strict=True):
        assert instance.uuid in finding.text
        assert 'does not fit this host any more' in finding.problem
        assert 'free dedicated CPUs' in finding.place
        assert f'nfv-sched explain --server {instance.uuid}' in finding.fix
    moving = [
        dataclasses.replace(instance, changing=True)
        for instance in host.residents
    ]
    changing = dataclasses.replace(changed, residents=tuple(moving))
    assert check([changing], stored).findings == []
    migrating = dict(enumerate(host.residents))
    held = dataclasses.replace(changed, migrating=migrating)
    assert check([held], stored).findings == []


def test_a_request_that_cannot_be_read_is_found(survey, stored):
    host = next(host for host in survey.hosts if host.residents)
    uuid = host.residents[0].uuid
    damaged = dataclasses.replace(stored, problems={uuid: 'KeyError: spec'})
    [finding] = check(survey.hosts, damaged).findings
    assert finding.problem.endswith(': KeyError: spec')
    assert uuid in finding.text


def test_without_requests_the_check_is_not_made(survey):
    result = own_hosts.check(
        survey.hosts, Requests(problem='the API database is down')
    )
    assert (result.verdict, result.code) == ('Skipped', Code.WARNING)


@given(scene=strategies.scenes())
@settings(max_examples=examples(200))
def test_no_instance_is_found_where_its_claim_put_it(scene):
    guest, before = request_spec.read_guest(scene.spec), host_of(scene).plain()
    outcome = fit.evaluate(guest, before).outcome
    if outcome is None:
        return
    after = fit.apply_claim(guest, before, outcome)
    survey = HostSurvey(
        'host',
        HostTopology('host', 'uuid'),
        after,
        (resident('guest', guest, outcome),),
        devices(guest, before, outcome, 'guest'),
    )
    result = own_hosts.check([survey], Requests({'guest': guest}))
    assert result.findings == []
