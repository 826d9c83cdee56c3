# Completion of nfv-sched in bash.
# Made from the parsers of the commands: NFV_GOLDEN=write pytest tests/cmd/test_complete.py
_nfv_sched() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local name='' word words=''
    if [[ $cur == '=' ]]; then
        cur=''
    elif [[ $prev == '=' ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
        case $word in
            capacity|check|complete|demo|explain|help|labels|plan_defragment|plan_drain|plan_room|plan_survive|publish|purge|report|simulate|topology)
                name=$word
                break
                ;;
        esac
    done
    case "$name $prev" in
        ' --log-file' | \
            'capacity -c' | \
            'capacity --column' | \
            'capacity --max-width' | \
            'capacity --sort-column' | \
            'capacity --flavor' | \
            'capacity --server' | \
            'capacity --shapes' | \
            'capacity --extra-spec' | \
            'capacity --vcpus' | \
            'capacity --ram' | \
            'capacity --disk' | \
            'capacity --image' | \
            'capacity --image-property' | \
            'capacity --port' | \
            'capacity --hint' | \
            'capacity --group' | \
            'capacity --availability-zone' | \
            'capacity --project' | \
            'capacity --after-loss' | \
            'capacity --fail-below' | \
            'capacity --os-cloud' | \
            'capacity --deadline' | \
            'check -c' | \
            'check --column' | \
            'check --max-width' | \
            'check --sort-column' | \
            'check --os-cloud' | \
            'check --deadline' | \
            'demo --hosts' | \
            'demo --guests' | \
            'demo --seed' | \
            'explain -c' | \
            'explain --column' | \
            'explain --max-width' | \
            'explain --sort-column' | \
            'explain --flavor' | \
            'explain --server' | \
            'explain --shapes' | \
            'explain --extra-spec' | \
            'explain --vcpus' | \
            'explain --ram' | \
            'explain --disk' | \
            'explain --image' | \
            'explain --image-property' | \
            'explain --port' | \
            'explain --hint' | \
            'explain --group' | \
            'explain --availability-zone' | \
            'explain --project' | \
            'explain --nearest' | \
            'explain --fail-below' | \
            'explain --os-cloud' | \
            'explain --deadline' | \
            'labels --os-cloud' | \
            'labels --deadline' | \
            'plan_defragment -c' | \
            'plan_defragment --column' | \
            'plan_defragment --max-width' | \
            'plan_defragment --sort-column' | \
            'plan_defragment --leaving' | \
            'plan_defragment --seconds' | \
            'plan_defragment --gbit' | \
            'plan_defragment --step-timeout' | \
            'plan_defragment --os-cloud' | \
            'plan_defragment --deadline' | \
            'plan_defragment --moves' | \
            'plan_defragment --for' | \
            'plan_drain -c' | \
            'plan_drain --column' | \
            'plan_drain --max-width' | \
            'plan_drain --sort-column' | \
            'plan_drain --leaving' | \
            'plan_drain --seconds' | \
            'plan_drain --gbit' | \
            'plan_drain --step-timeout' | \
            'plan_drain --os-cloud' | \
            'plan_drain --deadline' | \
            'plan_room -c' | \
            'plan_room --column' | \
            'plan_room --max-width' | \
            'plan_room --sort-column' | \
            'plan_room --leaving' | \
            'plan_room --seconds' | \
            'plan_room --gbit' | \
            'plan_room --step-timeout' | \
            'plan_room --os-cloud' | \
            'plan_room --deadline' | \
            'plan_room --flavor' | \
            'plan_room --count' | \
            'plan_room --extra-spec' | \
            'plan_room --vcpus' | \
            'plan_room --ram' | \
            'plan_room --disk' | \
            'plan_room --image' | \
            'plan_room --image-property' | \
            'plan_room --port' | \
            'plan_room --hint' | \
            'plan_room --group' | \
            'plan_room --availability-zone' | \
            'plan_room --project' | \
            'plan_survive -c' | \
            'plan_survive --column' | \
            'plan_survive --max-width' | \
            'plan_survive --sort-column' | \
            'plan_survive --leaving' | \
            'plan_survive --seconds' | \
            'plan_survive --gbit' | \
            'plan_survive --step-timeout' | \
            'plan_survive --os-cloud' | \
            'plan_survive --deadline' | \
            'publish -c' | \
            'publish --column' | \
            'publish --max-width' | \
            'publish --sort-column' | \
            'publish --deadline' | \
            'purge -c' | \
            'purge --column' | \
            'purge --max-width' | \
            'purge --sort-column' | \
            'purge --deadline' | \
            'report --flavor' | \
            'report --shapes' | \
            'report --os-cloud' | \
            'report --deadline' | \
            'simulate -c' | \
            'simulate --column' | \
            'simulate --max-width' | \
            'simulate --sort-column' | \
            'topology -c' | \
            'topology --column' | \
            'topology --max-width' | \
            'topology --sort-column' | \
            'topology --os-cloud' | \
            'topology --deadline')
            return
            ;;
        'capacity -f' | \
            'capacity --format' | \
            'check -f' | \
            'check --format' | \
            'explain -f' | \
            'explain --format' | \
            'plan_defragment -f' | \
            'plan_defragment --format' | \
            'plan_drain -f' | \
            'plan_drain --format' | \
            'plan_room -f' | \
            'plan_room --format' | \
            'plan_survive -f' | \
            'plan_survive --format' | \
            'publish -f' | \
            'publish --format' | \
            'purge -f' | \
            'purge --format' | \
            'simulate -f' | \
            'simulate --format')
            words='csv json table value yaml'
            ;;
        'capacity --quote' | \
            'check --quote' | \
            'explain --quote' | \
            'plan_defragment --quote' | \
            'plan_drain --quote' | \
            'plan_room --quote' | \
            'plan_survive --quote' | \
            'publish --quote' | \
            'purge --quote' | \
            'simulate --quote' | \
            'topology --quote')
            words='all minimal none nonnumeric'
            ;;
        'capacity --show')
            words='total domains hosts instances'
            ;;
        'capacity --config-file' | \
            'check --placement-config-file' | \
            'check --config-file' | \
            'demo --serve' | \
            'explain --config-file' | \
            'labels --config-file' | \
            'plan_defragment --journal' | \
            'plan_defragment --config-file' | \
            'plan_drain --journal' | \
            'plan_drain --config-file' | \
            'plan_room --journal' | \
            'plan_room --config-file' | \
            'plan_survive --journal' | \
            'plan_survive --config-file' | \
            'publish --config-file' | \
            'purge --config-file' | \
            'report --output' | \
            'report --log' | \
            'report --config-file' | \
            'simulate --scenario' | \
            'simulate --plot' | \
            'simulate --report' | \
            'simulate --record' | \
            'topology --config-file' | \
            'topology --output')
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
            ;;
        'check --show')
            words='checks findings'
            ;;
        'complete --shell')
            words='bash zsh'
            ;;
        'explain --for')
            words='boot migrate live-migrate resize evacuate'
            ;;
        'explain --show')
            words='conditions hosts blockers suggestions shapes'
            ;;
        'labels -f' | \
            'labels --format')
            words='ini json yaml'
            ;;
        'plan_defragment --show' | \
            'plan_drain --show' | \
            'plan_room --show' | \
            'plan_survive --show')
            words='total steps room unplaced lost_without'
            ;;
        'plan_defragment --script' | \
            'plan_drain --script' | \
            'plan_room --script' | \
            'plan_survive --script')
            words='ansible shell'
            ;;
        'plan_defragment --method' | \
            'plan_drain --method' | \
            'plan_room --method' | \
            'plan_survive --method')
            words='any cold live'
            ;;
        'publish --source')
            words='cells sysfs'
            ;;
        'publish --concurrency')
            words='1 2 3 4 5 6 7 8 9 10'
            ;;
        'report -f' | \
            'report --format')
            words='html json yaml'
            ;;
        'simulate --show')
            words='events steps flavors errors rejections hosts'
            ;;
        'topology -f' | \
            'topology --format')
            words='csv html json svg table value yaml'
            ;;
    esac
    if [[ -z $words ]]; then
        case $name in
            '') words='capacity check complete demo explain help labels plan_defragment plan_drain plan_room plan_survive publish purge report simulate topology --version -v --verbose -q --quiet --log-file -h --help --debug' ;;
            capacity) words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --flavor --server --shapes --extra-spec --vcpus --ram --disk --image --image-property --port --hint --group --availability-zone --project --after-loss --show --fail-below --config-file --os-cloud --deadline' ;;
            check) words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --placement-config-file --show --config-file --os-cloud --deadline' ;;
            complete) words='-h --help --shell' ;;
            demo) words='-h --help --hosts --guests --seed --serve' ;;
            explain) words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --flavor --server --for --shapes --extra-spec --vcpus --ram --disk --image --image-property --port --hint --group --availability-zone --project --show --nearest --fail-below --config-file --os-cloud --deadline' ;;
            help) words='capacity check complete demo explain help labels plan_defragment plan_drain plan_room plan_survive publish purge report simulate topology -h --help' ;;
            labels) words='-h --help --local -f --format --config-file --os-cloud --deadline' ;;
            plan_defragment) words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --show --leaving --seconds --gbit --script --execute --yes --journal --step-timeout --config-file --os-cloud --deadline --moves --for --method' ;;
            plan_drain) words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --show --leaving --seconds --gbit --script --execute --yes --journal --step-timeout --config-file --os-cloud --deadline --method' ;;
            plan_room) words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --show --leaving --seconds --gbit --script --execute --yes --journal --step-timeout --config-file --os-cloud --deadline --flavor --count --method --extra-spec --vcpus --ram --disk --image --image-property --port --hint --group --availability-zone --project' ;;
            plan_survive) words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --show --leaving --seconds --gbit --script --execute --yes --journal --step-timeout --config-file --os-cloud --deadline --prepare --method' ;;
            publish) words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --config-file --source --dry-run --prune --concurrency --deadline' ;;
            purge) words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --config-file --yes --deadline' ;;
            report) words='-h --help --output -f --format --flavor --shapes --log --config-file --os-cloud --deadline' ;;
            simulate) words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --scenario --plot --report --record --show' ;;
            topology) words='-h --help -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --config-file --os-cloud --deadline --summary --output -f --format' ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _nfv_sched nfv-sched
