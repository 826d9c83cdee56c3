"""A real OpenStack control plane on one machine, and guests booted on it.

MariaDB, RabbitMQ, Keystone, Placement, Glance, nova-api, nova-conductor, two
nova-schedulers, our publisher, and simulated nova-computes: stock services in
processes of their own, talking over loopback. Simulated are the hypervisors
(:mod:`tests.stack.virt`) and Neutron (:mod:`tests.stack.network`).

``tests/stack/run`` installs what it needs from Debian and PyPI and runs the
scenarios; ``pytest`` alone does not collect them.
"""
