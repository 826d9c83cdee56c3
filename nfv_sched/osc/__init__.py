"""``openstack nfv``: commands of the OpenStack client."""
