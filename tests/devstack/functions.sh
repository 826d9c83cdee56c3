#!/usr/bin/env bash
# What the plugin calls of devstack. The functions are devstack's own where
# NFV_DEVSTACK names a checkout, else stand-ins with the same arguments. Those
# that would change the machine write down that they were called.

if [[ -n "$NFV_DEVSTACK" ]]; then
    TOP_DIR=$NFV_DEVSTACK
    # shellcheck disable=SC1091
    source "$TOP_DIR/functions"
else
    function iniget { "$PYTHON" "$INI" get "$@"; }
    # The value is one argument, however many words it has.
    function iniset { "$PYTHON" "$INI" set "$@"; }
    function iniset_multiline { "$PYTHON" "$INI" set "$@"; }

    function is_service_enabled { [[ ",$ENABLED_SERVICES," == *",$1,"* ]]; }
    function enable_service { ENABLED_SERVICES+=",$1"; }
    function define_plugin { :; }
    function trueorfalse {
        case "${!2:-}" in
            1 | [yY]es | [tT]rue | YES | TRUE) echo True ;;
            0 | [nN]o | [fF]alse | NO | FALSE) echo False ;;
            *) echo "$1" ;;
        esac
    }
    function die { echo "$2" >&2; exit 1; }
fi

# Of stack.sh.
function echo_summary { :; }

# SUDO=true does nothing instead.
function sudo { $SUDO "$@"; }
function setup_develop { echo "setup_develop $*" >> "$CALLS"; }
function run_process { echo "run_process $*" >> "$CALLS"; }
function stop_process { echo "stop_process $*" >> "$CALLS"; }
