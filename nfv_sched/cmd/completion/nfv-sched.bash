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
        case "$name $word" in
            ' capacity' | \
                ' check' | \
                ' complete' | \
                ' demo' | \
                ' explain' | \
                ' help' | \
                ' labels' | \
                ' plan' | \
                ' publish' | \
                ' purge' | \
                ' report' | \
                ' shadow' | \
                ' simulate' | \
                ' topology' | \
                ' why' | \
                'plan consolidate' | \
                'plan defragment' | \
                'plan drain' | \
                'plan room' | \
                'plan survive' | \
                'help plan')
                name=${name:+$name }$word
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
            'plan consolidate -c' | \
            'plan consolidate --column' | \
            'plan consolidate --max-width' | \
            'plan consolidate --sort-column' | \
            'plan consolidate --leaving' | \
            'plan consolidate --seconds' | \
            'plan consolidate --gbit' | \
            'plan consolidate --step-timeout' | \
            'plan consolidate --os-cloud' | \
            'plan consolidate --deadline' | \
            'plan consolidate --moves' | \
            'plan defragment -c' | \
            'plan defragment --column' | \
            'plan defragment --max-width' | \
            'plan defragment --sort-column' | \
            'plan defragment --leaving' | \
            'plan defragment --seconds' | \
            'plan defragment --gbit' | \
            'plan defragment --step-timeout' | \
            'plan defragment --os-cloud' | \
            'plan defragment --deadline' | \
            'plan defragment --moves' | \
            'plan defragment --for' | \
            'plan drain -c' | \
            'plan drain --column' | \
            'plan drain --max-width' | \
            'plan drain --sort-column' | \
            'plan drain --leaving' | \
            'plan drain --seconds' | \
            'plan drain --gbit' | \
            'plan drain --step-timeout' | \
            'plan drain --os-cloud' | \
            'plan drain --deadline' | \
            'plan room -c' | \
            'plan room --column' | \
            'plan room --max-width' | \
            'plan room --sort-column' | \
            'plan room --leaving' | \
            'plan room --seconds' | \
            'plan room --gbit' | \
            'plan room --step-timeout' | \
            'plan room --os-cloud' | \
            'plan room --deadline' | \
            'plan room --flavor' | \
            'plan room --count' | \
            'plan room --extra-spec' | \
            'plan room --vcpus' | \
            'plan room --ram' | \
            'plan room --disk' | \
            'plan room --image' | \
            'plan room --image-property' | \
            'plan room --port' | \
            'plan room --hint' | \
            'plan room --group' | \
            'plan room --availability-zone' | \
            'plan room --project' | \
            'plan survive -c' | \
            'plan survive --column' | \
            'plan survive --max-width' | \
            'plan survive --sort-column' | \
            'plan survive --leaving' | \
            'plan survive --seconds' | \
            'plan survive --gbit' | \
            'plan survive --step-timeout' | \
            'plan survive --os-cloud' | \
            'plan survive --deadline' | \
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
            'report --prometheus' | \
            'report --days' | \
            'report --os-cloud' | \
            'report --deadline' | \
            'shadow -c' | \
            'shadow --column' | \
            'shadow --max-width' | \
            'shadow --sort-column' | \
            'shadow --os-cloud' | \
            'shadow --deadline' | \
            'simulate -c' | \
            'simulate --column' | \
            'simulate --max-width' | \
            'simulate --sort-column' | \
            'topology -c' | \
            'topology --column' | \
            'topology --max-width' | \
            'topology --sort-column' | \
            'topology --os-cloud' | \
            'topology --deadline' | \
            'why -c' | \
            'why --column' | \
            'why --max-width' | \
            'why --sort-column' | \
            'why --os-cloud' | \
            'why --deadline')
            return
            ;;
        'capacity -f' | \
            'capacity --format' | \
            'check -f' | \
            'check --format' | \
            'explain -f' | \
            'explain --format' | \
            'plan consolidate -f' | \
            'plan consolidate --format' | \
            'plan defragment -f' | \
            'plan defragment --format' | \
            'plan drain -f' | \
            'plan drain --format' | \
            'plan room -f' | \
            'plan room --format' | \
            'plan survive -f' | \
            'plan survive --format' | \
            'publish -f' | \
            'publish --format' | \
            'purge -f' | \
            'purge --format' | \
            'shadow -f' | \
            'shadow --format' | \
            'simulate -f' | \
            'simulate --format' | \
            'why -f' | \
            'why --format')
            words='csv json table value yaml'
            ;;
        'capacity --quote' | \
            'check --quote' | \
            'explain --quote' | \
            'plan consolidate --quote' | \
            'plan defragment --quote' | \
            'plan drain --quote' | \
            'plan room --quote' | \
            'plan survive --quote' | \
            'publish --quote' | \
            'purge --quote' | \
            'shadow --quote' | \
            'simulate --quote' | \
            'topology --quote' | \
            'why --quote')
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
            'plan consolidate --journal' | \
            'plan consolidate --config-file' | \
            'plan defragment --journal' | \
            'plan defragment --config-file' | \
            'plan drain --journal' | \
            'plan drain --config-file' | \
            'plan room --journal' | \
            'plan room --config-file' | \
            'plan survive --journal' | \
            'plan survive --config-file' | \
            'publish --config-file' | \
            'purge --config-file' | \
            'report --output' | \
            'report --log' | \
            'report --config-file' | \
            'shadow --journal' | \
            'shadow --config-file' | \
            'simulate --scenario' | \
            'simulate --plot' | \
            'simulate --report' | \
            'simulate --record' | \
            'topology --config-file' | \
            'topology --output' | \
            'why --journal' | \
            'why --config-file')
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
            ;;
        'check --show')
            words='checks findings differences'
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
        'plan consolidate --show' | \
            'plan defragment --show' | \
            'plan drain --show' | \
            'plan room --show' | \
            'plan survive --show')
            words='total steps room released unplaced lost_without'
            ;;
        'plan consolidate --script' | \
            'plan defragment --script' | \
            'plan drain --script' | \
            'plan room --script' | \
            'plan survive --script')
            words='ansible shell'
            ;;
        'plan consolidate --method' | \
            'plan defragment --method' | \
            'plan drain --method' | \
            'plan room --method' | \
            'plan survive --method')
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
        'shadow --show')
            words='summary decisions'
            ;;
        'simulate --show')
            words='events steps flavors errors rejections hosts'
            ;;
        'topology -f' | \
            'topology --format')
            words='csv html json svg table value yaml'
            ;;
        'why --show')
            words='decisions filters hosts weights counterfactuals conditions'
            ;;
    esac
    if [[ -z $words ]]; then
        case $name in
            '') words='capacity check complete demo explain help labels plan publish purge report shadow simulate topology why --version -v --verbose -q --quiet --log-file -h --help --debug' ;;
            'capacity') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --flavor --server --shapes --extra-spec --vcpus --ram --disk --image --image-property --port --hint --group --availability-zone --project --after-loss --show --fail-below --config-file --os-cloud --deadline' ;;
            'check') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --placement-config-file --show --config-file --os-cloud --deadline' ;;
            'complete') words='-h --help --shell' ;;
            'demo') words='-h --help --hosts --guests --seed --serve' ;;
            'explain') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --flavor --server --for --shapes --extra-spec --vcpus --ram --disk --image --image-property --port --hint --group --availability-zone --project --show --nearest --fail-below --config-file --os-cloud --deadline' ;;
            'help') words='capacity check complete demo explain help labels plan publish purge report shadow simulate topology why -h --help' ;;
            'labels') words='-h --help --local -f --format --config-file --os-cloud --deadline' ;;
            'plan consolidate') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --show --leaving --seconds --gbit --script --execute --yes --journal --step-timeout --config-file --os-cloud --deadline --moves --method' ;;
            'plan defragment') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --show --leaving --seconds --gbit --script --execute --yes --journal --step-timeout --config-file --os-cloud --deadline --moves --for --method' ;;
            'plan drain') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --show --leaving --seconds --gbit --script --execute --yes --journal --step-timeout --config-file --os-cloud --deadline --method' ;;
            'plan room') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --show --leaving --seconds --gbit --script --execute --yes --journal --step-timeout --config-file --os-cloud --deadline --flavor --count --method --extra-spec --vcpus --ram --disk --image --image-property --port --hint --group --availability-zone --project' ;;
            'plan survive') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --show --leaving --seconds --gbit --script --execute --yes --journal --step-timeout --config-file --os-cloud --deadline --prepare --method' ;;
            'publish') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --config-file --source --dry-run --prune --concurrency --deadline' ;;
            'purge') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --config-file --yes --deadline' ;;
            'report') words='-h --help --output -f --format --flavor --shapes --log --prometheus --days --config-file --os-cloud --deadline' ;;
            'shadow') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --journal --all --show --config-file --os-cloud --deadline' ;;
            'simulate') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --scenario --plot --report --record --show' ;;
            'topology') words='-h --help -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --config-file --os-cloud --deadline --summary --output -f --format' ;;
            'why') words='-h --help -f --format -c --column --quote --noindent --max-width --fit-width --print-empty --sort-column --sort-ascending --sort-descending --journal --all --show --config-file --os-cloud --deadline' ;;
            'plan' | 'help plan') words='consolidate defragment drain room survive' ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _nfv_sched nfv-sched
