#!/usr/bin/env bash
# What the plugin calls of devstack's functions, with the same arguments.
# Those that would change the machine write down that they were called.

function iniget { "$PYTHON" "$INI" get "$@"; }
# The value is one argument, however many words it has.
function iniset { "$PYTHON" "$INI" set "$@"; }
function iniset_multiline { "$PYTHON" "$INI" set "$@"; }

function is_service_enabled { [[ ",$ENABLED_SERVICES," == *",$1,"* ]]; }
function enable_service { ENABLED_SERVICES+=",$1"; }
function define_plugin { :; }
function echo_summary { :; }

function setup_develop { echo "setup_develop $*" >> "$CALLS"; }
function run_process { echo "run_process $*" >> "$CALLS"; }
function stop_process { echo "stop_process $*" >> "$CALLS"; }
