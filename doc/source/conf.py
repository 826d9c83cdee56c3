project = 'nfv_sched'
author = 'the nfv_sched developers'
copyright = author
extensions = [
    'oslo_config.sphinxext',
    'reno.sphinxext',
    'sphinx.ext.autodoc',
]
exclude_patterns = []
html_theme = 'alabaster'
html_theme_options = {
    'description': 'NUMA-aware scheduling for OpenStack Nova',
    'fixed_sidebar': True,
}
# Nova's objects are documented by Nova.
nitpicky = False
autodoc_member_order = 'bysource'
# "sphinx-build -b man" makes nfv-sched(1) of the page for operators.
man_pages = [
    ('operator', 'nfv-sched', 'why not, and how many more', author, '1'),
]
