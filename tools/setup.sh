# shellcheck shell=bash
# What a machine needs to build and test Tailrace, and how it gets there. Sourced by ./dev.
#
# Debian's own packages only. libraft must be 0.22.1: Debian 13 has it, Debian 12 has it in its
# backports suite, whose entry is derived from the machine's own Debian entry.

# name                why
readonly BUILD_PACKAGES='
    gcc               the compiler
    libc6-dev         its C library
    binutils          linking, and looking at objects
    cmake             the build
    ninja-build       runs the build
    pkg-config        finds the libraries
    python3           the schema compiler and tidy
    liburing-dev      io_uring
    libraft-dev       the quorum'"'"'s consensus
    libzstd-dev       record compression
    liblz4-dev        record compression
    libsnappy-dev     record compression
    zlib1g-dev        record compression
    libssl-dev        TLS and SASL
    libjansson-dev    JSON
    librdkafka-dev    produce and consume in the tool
'
readonly TEST_PACKAGES='
    libcmocka-dev     unit tests
    kcat              a client that is not ours
    clang             fuzz targets
    libclang-rt-dev   what they run on
    clang-format      the layout
'
readonly RAFT_VERSION='0.22.1'
readonly BACKPORTS_FILE='/etc/apt/sources.list.d/tailrace-backports'

# setup_packages KIND: the names in one of the lists, one per line; `test` is both.
setup_packages() {
    local list=$BUILD_PACKAGES
    if [[ $1 == test ]]; then list+=$TEST_PACKAGES; fi
    awk 'NF { print $1 }' <<<"$list"
}

# setup_missing KIND: those that are not installed, or not in the right version.
setup_missing() {
    local installed
    # dpkg-query fails when it does not know one of the names; what it does know is on stdout.
    # shellcheck disable=SC2046
    installed=$(dpkg-query -W -f='${db:Status-Abbrev}${Package} ${Version}\n' $(setup_packages "$1") \
        2>/dev/null || true)
    awk -v raft="$RAFT_VERSION" '
        NR == FNR { if ($1 == "ii" && ($2 != "libraft-dev" || index($3, raft "-") == 1)) here[$2] = 1
                    next }
        !($1 in here)' <(printf '%s\n' "$installed") <(setup_packages "$1")
}

# setup_derive_backports SUITE FILE...: the apt entry of SUITE-backports, after the first entry of
# SUITE with component main in FILEs. Prints "sources" or "list" (the form), then the entry.
# Everything else of that entry (place, keys, options) stays as it is.
setup_derive_backports() {
    local suite=$1 file entry
    shift
    for file in "$@"; do
        [[ -r $file ]] || continue
        if [[ $file == *.sources ]]; then
            entry=$(setup_stanza "$suite" "$file")
            if [[ -n $entry ]]; then printf 'sources\n%s\n' "$entry"; return 0; fi
        else
            entry=$(setup_line "$suite" "$file")
            if [[ -n $entry ]]; then printf 'list\n%s\n' "$entry"; return 0; fi
        fi
    done
    return 1
}

# The deb822 form: stanzas of fields, whose values may go on over indented lines.
setup_stanza() {
    grep -v '^#' "$2" | awk -v suite="$1" '
        function has(words, word) { return index(" " words " ", " " word " ") > 0 }
        function end() {
            if (types ~ /(^| )deb( |$)/ && has(suites, suite) && has(components, "main") &&
                enabled !~ /^(no|false|0)$/ && !done) {
                printf "Types: deb\nSuites: %s-backports\nComponents: main\n%s", suite, rest
                done = 1
            }
            types = suites = components = enabled = rest = key = ""
        }
        NF == 0 { end(); next }
        /^[^ \t]/ {
            key = tolower($1); value = $0; sub(/^[^:]*:[ \t]*/, "", value)
            gsub(/[ \t]+/, " ", value); sub(/ $/, "", value)
        }
        key == "types:" { types = value; next }
        key == "suites:" { suites = value; next }
        key == "components:" { components = value; next }
        key == "enabled:" { enabled = value; next }
        { rest = rest $0 "\n" }
        END { end() }'
}

# The form of one line: deb [options] place suite components...
setup_line() {
    awk -v suite="$1" '
        { sub(/#.*/, "") }
        match($0, /^[ \t]*deb[ \t]+(\[[^]]*\][ \t]+)?[^ \t]+[ \t]+/) {
            head = substr($0, 1, RLENGTH)
            count = split(substr($0, RLENGTH + 1), words)
            for (i = 2; i <= count; i++)
                if (words[1] == suite && words[i] == "main") {
                    print head suite "-backports main"
                    exit
                }
        }' "$2"
}

# Debian 12 needs its backports suite for libraft; does nothing where apt has an entry already.
setup_add_backports() {
    local codename=$1 derived form
    if [[ $codename != bookworm ]] ||
        grep -rqsE "^[^#]*\b$codename-backports\b" /etc/apt/sources.list /etc/apt/sources.list.d; then
        return 0
    fi
    if ! derived=$(setup_derive_backports "$codename" /etc/apt/sources.list \
        /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list); then
        die "libraft $RAFT_VERSION comes from $codename-backports, but apt has no Debian entry to" \
            "derive that one from. Add it, then run this again."
    fi
    form=${derived%%$'\n'*}
    say "adding $BACKPORTS_FILE.$form (libraft $RAFT_VERSION comes from there)"
    printf '%s\n' "${derived#*$'\n'}" | as_root tee "$BACKPORTS_FILE.$form" >/dev/null
}

# Runs a command as root, by sudo if need be.
as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

setup_can_be_root() {
    ((EUID == 0)) && return 0
    command -v sudo >/dev/null || return 1
    sudo -n true 2>/dev/null || [[ -t 0 && -t 2 ]]
}

# setup KIND: everything that is needed to `build` or to `test`. Quick when it is there.
setup() {
    local kind=$1 missing codename
    command -v dpkg-query >/dev/null || die "this is no Debian: install the packages named in" \
        "tools/setup.sh by the means of your system, then use cmake and ninja (HACKING.md)"
    missing=$(setup_missing "$kind")
    if [[ -z $missing ]]; then return 0; fi

    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    if ! setup_can_be_root; then
        say "these packages are missing:" "$(tr '\n' ' ' <<<"$missing")"
        die "to install them, run:  su -c '$ROOT/dev setup $kind'"
    fi
    say "installing" "$(tr '\n' ' ' <<<"$missing")"
    setup_add_backports "$codename"
    logged 'package lists' "$LOGS/setup-update.log" as_root apt-get -q update \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300
    # libraft0 belongs to libraft-dev and has to come from the same suite.
    # shellcheck disable=SC2046,SC2001
    logged 'packages' "$LOGS/setup-install.log" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install -y --no-install-recommends \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
        $(sed "s/^libraft-dev\$/libraft-dev=$RAFT_VERSION* libraft0=$RAFT_VERSION*/" <<<"$missing")
    missing=$(setup_missing "$kind")
    [[ -z $missing ]] || die "still missing after the installation:" "$(tr '\n' ' ' <<<"$missing")"
}
