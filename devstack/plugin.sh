#!/usr/bin/env bash
#
# devstack/plugin.sh - enables nfv_sched in nova-scheduler
#
# Called by devstack as "source plugin.sh <mode> [phase]". On nodes without
# nova-scheduler (n-sch) it installs nothing and changes nothing.

# Save trace setting
_XTRACE_NFV_SCHED=$(set +o | grep xtrace)
set +o xtrace

# The enabled filters without those that nfv_sched replaces, and its own.
function nfv_sched_enabled_filters {
    local present=$1
    local name kept=""
    for name in ${present//,/ }; do
        if [[ ",$NFV_SCHED_REPLACED_FILTERS,$NFV_SCHED_FILTERS," != *",$name,"* ]]; then
            kept+="$name,"
        fi
    done
    echo "$kept$NFV_SCHED_FILTERS"
}

function install_nfv_sched {
    setup_develop "$NFV_SCHED_DIR"
}

function configure_nfv_sched {
    local group=filter_scheduler
    local option conf

    iniset_multiline "$NOVA_CONF" $group available_filters \
        nova.scheduler.filters.all_filters nfv_sched.filters.all_filters
    iniset "$NOVA_CONF" $group enabled_filters \
        "$(nfv_sched_enabled_filters "$(iniget "$NOVA_CONF" $group enabled_filters)")"
    iniset "$NOVA_CONF" $group weight_classes \
        nova.scheduler.weights.all_weighers,nfv_sched.weighers.all_weighers
    # The weighers of nfv_sched decide how hosts are filled.
    for option in ram cpu disk pci io_ops; do
        iniset "$NOVA_CONF" $group ${option}_weight_multiplier 0.0
    done
    # A failed claim counts as a failed build: keep its weight below others.
    iniset "$NOVA_CONF" $group build_failure_weight_multiplier 0.1

    # Each cell's conductor reads max_attempts from its own file.
    for conf in "$NOVA_CONF" "${NOVA_CONF_DIR:-/etc/nova}"/nova_cell*.conf; do
        if [[ -e "$conf" ]]; then
            iniset "$conf" scheduler max_attempts "$NFV_SCHED_MAX_ATTEMPTS"
        fi
    done
    iniset "$NOVA_CONF" workarounds disable_fallback_pcpu_query \
        "$NFV_SCHED_DISABLE_FALLBACK_PCPU_QUERY"
    iniset "$NOVA_CONF" nfv_sched host_selection \
        "$NFV_SCHED_HOST_SELECTION"
    if [[ -n "$NFV_SCHED_FAILURE_DOMAINS" ]]; then
        iniset "$NOVA_CONF" nfv_sched failure_domains \
            "$NFV_SCHED_FAILURE_DOMAINS"
    fi
}

function start_nfv_sched {
    run_process nfv-sched-publisher \
        "$NOVA_BIN_DIR/nfv-sched-publisher --config-file $NOVA_CONF"
}

function stop_nfv_sched {
    stop_process nfv-sched-publisher
}

# Remove everything that was published to Placement.
function cleanup_nfv_sched {
    "$NOVA_BIN_DIR/nfv-sched" purge --yes --config-file "$NOVA_CONF" || true
}

if is_service_enabled n-sch; then
    if [[ "$1" == "stack" && "$2" == "install" ]]; then
        echo_summary "Installing nfv_sched"
        install_nfv_sched
    elif [[ "$1" == "stack" && "$2" == "post-config" ]]; then
        echo_summary "Configuring nfv_sched"
        configure_nfv_sched
    elif [[ "$1" == "stack" && "$2" == "extra" ]]; then
        if is_service_enabled nfv-sched-publisher; then
            echo_summary "Starting the publisher of nfv_sched"
            start_nfv_sched
        fi
    elif [[ "$1" == "unstack" ]]; then
        if is_service_enabled nfv-sched-publisher; then
            stop_nfv_sched
        fi
        cleanup_nfv_sched
    fi
fi

# Restore xtrace
$_XTRACE_NFV_SCHED
