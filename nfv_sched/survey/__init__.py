"""What an operator's command knows of a cloud, from wherever it reads it.

``values`` is what is known, the other modules are the places that it can be
read from.
"""

from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import InstanceCell
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey
from nfv_sched.survey.values import SurveyedDevice
from nfv_sched.survey.values import SurveyedInstance

__all__ = [
    'SurveyedDevice',
    'HostSurvey',
    'SurveyedInstance',
    'InstanceCell',
    'Source',
    'Survey',
]
