project = 'nfv_sched'
author = 'the nfv_sched developers'
copyright = author
extensions = [
    'cliff.sphinxext',
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
# Options keep their dashes.
smartquotes_action = 'qe'
autodoc_member_order = 'bysource'
man_pages = [
    (
        'cli/nfv-sched',
        'nfv-sched',
        'NUMA-aware scheduling for OpenStack Nova',
        author,
        1,
    )
]
