"""What an operator's command knows of a cloud, from wherever it reads it.

``values`` is what is known, the other modules are the places that it can be
read from.
"""

from nfv_sched.survey.values import Device
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import Resident
from nfv_sched.survey.values import ResidentCell
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey

__all__ = [
    'Device',
    'HostSurvey',
    'Resident',
    'ResidentCell',
    'Source',
    'Survey',
]
