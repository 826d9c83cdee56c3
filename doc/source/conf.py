import logging

project = 'nfv_sched'
author = 'the nfv_sched developers'
copyright = author
extensions = [
    'cliff.sphinxext',
    'openstackdocstheme',
    'oslo_config.sphinxext',
    'reno.sphinxext',
    'sphinx.ext.autodoc',
]
exclude_patterns = []
html_theme = 'openstackdocs'
html_theme_options = {
    'analytics_tracking_code': '',
    'display_badge': False,
}
templates_path = ['_templates']
html_static_path = ['_static']
html_css_files = ['custom.css']
# The theme reads these from git otherwise, and warns if there is no git.
openstackdocs_repo_name = ''
openstackdocs_auto_name = False
openstackdocs_auto_version = False
version = release = ''
logging.getLogger('sphinx.openstackdocstheme.ext').addFilter(
    lambda record: 'gitsha' not in record.getMessage()
)
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
