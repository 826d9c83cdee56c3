"""NFV scheduling for OpenStack Nova: filters, weighers and their tools."""
