# Shared by the scripts of this folder; sourced, not called. Leaves the shell in the project's folder.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=.venv/bin/python

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

# Install Debian packages, as root or through sudo; fails quietly where neither is to be had.
apt_install() {
    command -v apt-get >/dev/null || return 1
    local as=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || return 1
        as=(sudo)
        [ -t 0 ] || as=(sudo -n)
        "${as[@]}" true 2>/dev/null || return 1
    fi
    say "Installing $* …"
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" </dev/null >/dev/null 2>&1 && return 0
    "${as[@]}" apt-get update -qq </dev/null >/dev/null 2>&1
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" </dev/null >&2
}

# A Python that is new enough. Each is tried: a name on the PATH may be an empty shim.
find_python() {
    local name
    for name in python3.11 python3.12 python3.13 python3 python3.14; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    die "Python 3.11 or newer is needed. On Debian 12 or Ubuntu 24.04 and newer: apt install python3 python3-venv"
}

make_venv() {
    if [ -x "$PYTHON" ] && "$PYTHON" -c 'import pip' 2>/dev/null; then return; fi
    local python log
    python=$(find_python)
    log=$(mktemp)
    if ! "$python" -m venv --clear .venv >"$log" 2>&1; then
        # Debian keeps the part of Python that makes environments in a package of its own.
        local version
        version=$("$python" -c 'import sys; print(f"{sys.version_info[0]}.{sys.version_info[1]}")')
        apt_install "python$version-venv" || apt_install python3-venv \
            || die "Python's venv is missing. Install it with: sudo apt install python3-venv"
        "$python" -m venv --clear .venv >"$log" 2>&1 || { cat "$log" >&2; die "could not make .venv"; }
    fi
    rm -f "$log"
}

# install [EXTRA]: the project at the pinned versions, again only when what it asks for has changed.
install() {
    local extra=${1:-} want stamp log
    make_venv
    want=$(cat setup.cfg pyproject.toml constraints.txt | sha256sum; pwd)
    for stamp in ".venv/.installed-${extra:-plain}" ".venv/.installed-test"; do
        [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
    done
    say "Installing the Python packages (about a minute) …"
    log=$(mktemp)
    "$PYTHON" -m pip install --disable-pip-version-check --no-input --root-user-action=ignore --progress-bar off \
        -c constraints.txt -e ".${extra:+[$extra]}" </dev/null >"$log" 2>&1 \
        || { tail -n 40 "$log" >&2; die "the Python packages could not be installed; the end of what pip says is above"; }
    rm -f "$log"
    printf '%s' "$want" >".venv/.installed-${extra:-plain}"
}

has_chromium() {
    local name
    [ -n "${MHC_BROWSER:-}${MHC_BROWSER_FILE:-}" ] && return
    grep -qsE '^(export )?MHC_BROWSER(_FILE)?=.' .env && return
    compgen -G "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}/chromium-*/*/chrome" >/dev/null && return
    for name in chromium google-chrome chromium-browser; do
        # Ubuntu's chromium-browser may be a note that asks for a snap.
        command -v "$name" >/dev/null && "$name" --version >/dev/null 2>&1 && return
    done
    return 1
}

# A Chromium is there afterwards, or the script ends with words.
need_chromium() {
    has_chromium && return
    say "No Chromium was found; installing one …"
    apt_install chromium && has_chromium && return
    "$PYTHON" -m playwright install chromium </dev/null >&2 && has_chromium && return
    die "there is no Chromium, and none could be installed. Install one yourself (sudo apt install chromium),
or name the path of yours: MHC_BROWSER=/path/to/chrome"
}
