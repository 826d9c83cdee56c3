"""Surveys of a cloud: all hosts, instances and devices at one moment.

``values`` defines a survey; ``nova`` and ``placement`` read one from Nova's
databases or from Placement, ``export`` converts it to plain data.
"""

from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import InstanceCell
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey
from nfv_sched.survey.values import SurveyedAccelerator
from nfv_sched.survey.values import SurveyedDevice
from nfv_sched.survey.values import SurveyedInstance

__all__ = [
    'SurveyedAccelerator',
    'SurveyedDevice',
    'HostSurvey',
    'SurveyedInstance',
    'InstanceCell',
    'Source',
    'Survey',
]
