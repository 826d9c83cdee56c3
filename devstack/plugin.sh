#!/usr/bin/env bash
#
# devstack/plugin.sh - enables nfv_sched in nova-scheduler
#
# Called by devstack as "source plugin.sh <mode> [phase]". Nodes with
# nova-scheduler (n-sch) get the package and its options, those with
# placement-api Placement's options, those with nova-compute (n-cpu) dedicated
# CPUs and huge pages, and the one with tempest the options of its tests.

# Save trace setting
_XTRACE_NFV_SCHED=$(set +o | grep xtrace)
set +o xtrace

# The enabled filters without those that nfv_sched replaces, and its own.
function nfv_sched_enabled_filters {
    local present=${1:-$NFV_SCHED_DEFAULT_FILTERS}
    local name kept=""
    for name in ${present//,/ }; do
        if [[ ",$NFV_SCHED_REPLACED_FILTERS,$NFV_SCHED_FILTERS," != *",$name,"* ]]; then
            kept+="$name,"
        fi
    done
    echo "$kept$NFV_SCHED_FILTERS"
}

# Set options of a file from lines of section, option and value.
function nfv_sched_iniset_lines {
    local file=$1 lines=$2
    local section option value
    while read -r section option value; do
        if [[ -n "$section" ]]; then
            iniset "$file" "$section" "$option" "$value"
        fi
    done <<< "$lines"
}

# Options for this node, from its hardware: see hardware.py.
function nfv_sched_hardware {
    "${PYTHON:-python3}" "$NFV_SCHED_DIR/devstack/hardware.py" \
        --sysfs "$NFV_SCHED_SYSFS" "$@"
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
    iniset "$NOVA_CONF" nfv_sched choose_nodes "$NFV_SCHED_CHOOSE_NODES"
    if [[ -n "$NFV_SCHED_FAILURE_DOMAINS" ]]; then
        iniset "$NOVA_CONF" nfv_sched failure_domains \
            "$NFV_SCHED_FAILURE_DOMAINS"
    fi
}

# With retries Placement may accept two claims at once for the last resources.
function configure_nfv_sched_placement {
    iniset "$PLACEMENT_CONF" placement allocation_conflict_retry_count 1
}

# Reserve huge pages while memory is not fragmented.
function reserve_nfv_sched_pages {
    local nodes node pool reserved
    if [[ "$NFV_SCHED_HUGE_PAGES" -eq 0 ]]; then
        return
    fi
    nodes=$(nfv_sched_hardware nodes)
    for node in $nodes; do
        pool=$NFV_SCHED_SYSFS/devices/system/node/node$node/hugepages/hugepages-2048kB
        echo "$NFV_SCHED_HUGE_PAGES" | sudo tee "$pool/nr_hugepages" > /dev/null
        reserved=$(< "$pool/nr_hugepages")
        if [[ "$reserved" -lt "$NFV_SCHED_HUGE_PAGES" ]]; then
            die $LINENO "NUMA node $node has $reserved of $NFV_SCHED_HUGE_PAGES huge pages"
        fi
    done
}

# nova-cpu.conf is a copy of nova.conf, made when nova-compute is started.
function configure_nfv_sched_compute {
    local lines
    lines=$(nfv_sched_hardware compute)
    nfv_sched_iniset_lines "$NOVA_CONF" "$lines"
    if [[ "$NFV_SCHED_CHOOSE_NODES" == "True" ]]; then
        lines=$(nfv_sched_hardware labels \
            --physnets "$(iniget "$NOVA_CONF" neutron physnets)")
        nfv_sched_iniset_lines "$NOVA_CONF" "$lines"
    fi
}

function configure_nfv_sched_tempest {
    local lines
    lines=$(nfv_sched_hardware tempest --memory "$NFV_SCHED_TEMPEST_MEMORY" \
        --alias "$NFV_SCHED_TEMPEST_ALIAS")
    nfv_sched_iniset_lines "$TEMPEST_CONFIG" "$lines"
    if is_service_enabled n-sch; then
        iniset "$TEMPEST_CONFIG" compute-feature-enabled \
            scheduler_enabled_filters \
            "$(iniget "$NOVA_CONF" filter_scheduler enabled_filters)"
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

if [[ "$1" == "stack" && "$2" == "post-config" ]]; then
    if is_service_enabled placement-api; then
        configure_nfv_sched_placement
    fi
fi

if is_service_enabled n-cpu && [[ "$NFV_SCHED_PREPARE_COMPUTES" == "True" ]]; then
    if [[ "$1" == "stack" && "$2" == "pre-install" ]]; then
        echo_summary "Reserving huge pages for nfv_sched"
        reserve_nfv_sched_pages
    elif [[ "$1" == "stack" && "$2" == "post-config" ]]; then
        echo_summary "Dedicating CPUs for nfv_sched"
        configure_nfv_sched_compute
    fi
fi

if is_service_enabled tempest; then
    if [[ "$1" == "stack" && "$2" == "test-config" ]]; then
        echo_summary "Configuring the tempest tests of nfv_sched"
        configure_nfv_sched_tempest
    fi
fi

# Restore xtrace
$_XTRACE_NFV_SCHED
