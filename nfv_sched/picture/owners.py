"""Who has a CPU or a device, as one character."""

import string

#: Owners of CPUs and devices that are no guest: nobody; nobody in
#: particular; a guest that has the rest of the core or card; somebody.
FREE = '.'
SHARED = '~'
BLOCKED = '-'
SOMEBODY = '?'

#: Of guests, in this order; letters that look alike are left out.
MARKS = (
    string.ascii_lowercase
    + string.ascii_uppercase
    + string.digits
    + 'βγδεζηθλμξπστφχψωΓΔΘΛΞΠΣΦΨΩ'
)
#: Of one of more guests than there are marks.
MANY = '*'
