"""How well a cloud is filled: stock Nova's weighers beside ours.

From the repository's root::

    python -W ignore -m benchmarks.packing --quick           # some minutes
    python -W ignore -m benchmarks.packing --output FOLDER   # all of it

``--quick`` is two seeds of 6,000 events. ``--clouds``, ``--loads``,
``--modes`` and ``--columns`` take names, separated by commas, and limit what
is run; ``--seeds 5`` runs the seeds from 1 to 5, ``--seeds 6-10`` others.

``--output FOLDER`` writes tables and plots. Each run's result is kept as a
line of ``packing-runs.jsonl``, in the folder of ``--results`` or else of
``--output``, and not run again, so that a long run can be done in pieces and
by several processes (``--jobs``). ``--set
filter_scheduler.cpu_weight_multiplier=0`` (repeatable) changes an option of
nova.conf for our columns, to try a setting.

See doc/source/packing.rst for what is simulated.
"""
