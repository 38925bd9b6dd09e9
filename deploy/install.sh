#!/bin/sh
# Installs headroom on this machine from a built package: the directory above this script. Downloads nothing. Running it
# again changes only what is different, so it is also how to upgrade.
set -eu
LC_ALL=C
export LC_ALL
umask 022

usage() {
  cat <<'END'
Usage: install.sh [--controller] [--agent] [--prefix DIR] [--node FILE] [--drop-in NAME]...

  --controller    the controller and the command line `headroom`
  --agent         the agent for this machine's hypervisor
                  (neither: what is installed already, to upgrade it)
  --prefix DIR    where the programs go (/usr/local)
  --node FILE     bring this Node along, for machines whose own is older than the package asks for
  --drop-in NAME  proc-io or libvirt-group: see deploy/systemd/optional

DESTDIR=DIR in the environment puts everything below DIR and leaves users and services of this machine alone.
END
}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

main() {
  source=$(cd "$(dirname "$0")/.." && pwd)
  prefix=/usr/local
  node_given=
  roles=
  drop_ins=
  while [ $# -gt 0 ]; do
    case $1 in
      --controller | --agent) roles="$roles ${1#--}" ;;
      --prefix=* | --node=* | --drop-in=*)
        option=${1%%=*}
        value=${1#*=}
        shift
        set -- "$option" "$value" "$@"
        continue
        ;;
      --prefix | --node | --drop-in)
        [ $# -ge 2 ] || fail "$1 needs a value (--help says more)" 2
        case $1 in
          --prefix) prefix=$2 ;;
          --node) node_given=$2 ;;
          --drop-in) drop_ins="$drop_ins $2" ;;
        esac
        shift
        ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) fail "unknown option $1 (--help says more)" 2 ;;
    esac
    shift
  done
  check_places
  choose_roles
  check_drop_ins
  choose_node

  changed=no
  package_changed=no
  # Before the package, whose samples tell whether a configuration was edited.
  for role in $roles; do install_configuration "$role"; done
  install_package
  for role in $roles; do
    install_programs "$role"
    install_unit "$role"
  done
  [ "$changed" = yes ] || echo 'Nothing to change.'
  if [ -z "$destdir" ]; then bring_to_life; fi
}

# Sets destdir, prefix, lib, etc, units.
check_places() {
  destdir=${DESTDIR-}
  destdir=${destdir%/}
  case $destdir in
    '' | /*) ;;
    *) fail "DESTDIR: expected an absolute path, got $destdir" 2 ;;
  esac
  prefix=${prefix%/}
  case $prefix in
    *[!A-Za-z0-9._/-]* | *..*) fail "--prefix: expected a path of letters, digits and . _ / -, got $prefix" 2 ;;
    /home/* | /root | /root/* | /tmp | /tmp/* | /var/tmp/* | /run/user/*)
      fail "--prefix: the services cannot see $prefix; expected a place such as /usr/local or /opt/headroom" 2
      ;;
    /?*) ;;
    *) fail "--prefix: expected an absolute path, got ${prefix:-/}" 2 ;;
  esac
  if [ -z "$destdir" ] && [ "$(id -u)" -ne 0 ]; then fail 'run it as root, or set DESTDIR'; fi
  [ -f "$source/dist/controller/main.js" ] ||
    fail "$source is not built: run npm ci there first, or use a packed headroom (docs/install.md)"
  [ -f "$source/node_modules/.package-lock.json" ] ||
    fail "$source has no node_modules by npm: run npm ci --omit=dev --ignore-scripts there first"
  lib=$destdir$prefix/lib/headroom
  etc=$destdir/etc/headroom
  units=$destdir/etc/systemd/system
  [ "$source" != "$lib" ] || fail "$source is the installed package itself: run the install.sh of the one to install"
}

choose_roles() {
  if [ -z "$roles" ]; then
    for role in controller agent; do
      if [ -f "$units/headroom-$role.service" ]; then roles="$roles $role"; fi
    done
  fi
  [ -n "$roles" ] || fail 'say what to install: --controller, --agent or both' 2
}

check_drop_ins() {
  for name in $drop_ins; do
    case $name in
      proc-io | libvirt-group) ;;
      *) fail "--drop-in: expected proc-io or libvirt-group, got $name" 2 ;;
    esac
    case "$roles " in
      *' agent '*) ;;
      *) fail "--drop-in $name is for the agent: say --agent as well" 2 ;;
    esac
  done
}

# Sets node (to run now), node_path (what the installed programs run) and node_copy (yes: bring it along).
choose_node() {
  node_copy=yes
  if [ -n "$node_given" ]; then
    node=$node_given
  elif [ -x "$source/bin/node" ]; then
    node=$source/bin/node
  elif [ -x "$lib/bin/node" ]; then
    node=$lib/bin/node
  else
    node=$(command -v node) || fail "there is no node on this machine: give one with --node FILE ($node_help)"
    node_copy=no
  fi
  # Through shims and links to the program itself.
  node_real=$("$node" -p process.execPath 2>/dev/null) || fail "$node does not run: expected the program node" 2
  node=$node_real
  # shellcheck disable=SC2016 # JavaScript, not shell
  asked=$("$node" -e '
    const { engines } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"))
    const [major, minor] = engines.node.match(/\d+/g).map(Number)
    const [ownMajor, ownMinor] = process.versions.node.split(".").map(Number)
    if (ownMajor < major || (ownMajor === major && ownMinor < minor)) console.log(engines.node)
  ' "$source/package.json")
  [ -z "$asked" ] ||
    fail "$node is $("$node" --version), the package asks for $asked: give a newer one with --node FILE ($node_help)"
  case $node in
    # The services cannot see these places.
    /home/* | /root/* | /tmp/* | /var/tmp/*) node_copy=yes ;;
  esac
  node_path=$node
  if [ "$node_copy" = yes ]; then node_path=$prefix/lib/headroom/bin/node; fi
}
node_help='for example bin/node of the archive from https://nodejs.org'

# put SOURCE TARGET MODE: TARGET is a copy of SOURCE with that mode; untouched if it is so already.
put() {
  if [ -f "$2" ] && cmp -s "$1" "$2" && [ -n "$(find "$2" -prune -perm "$3")" ]; then return 0; fi
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2.new"
  chmod "$3" "$2.new"
  mv -f "$2.new" "$2"
  tell "$2"
}

# put_text TARGET MODE: the same with standard input.
put_text() {
  mkdir -p "$work"
  cat >"$work/text"
  put "$work/text" "$1" "$2"
}

tell() {
  changed=yes
  echo "installed ${1#"$destdir"}"
}

# The samples, unless somebody has edited what is there.
install_configuration() {
  case $1 in
    controller) files='controller.yaml policy.yaml' ;;
    *) files=agent.yaml ;;
  esac
  for file in $files; do
    if [ ! -e "$etc/$file" ] || cmp -s "$etc/$file" "$lib/deploy/config/$file"; then
      put "$source/deploy/config/$file" "$etc/$file" 0644
    else
      echo "kept ${etc#"$destdir"}/$file, which was edited"
    fi
  done
}

# The package without what only its development needs. It is put together beside the old one and takes its place whole.
install_package() {
  new=$lib.new
  rm -rf "$new" "$lib.old"
  mkdir -p "$new/deploy" "$new/docs"
  for part in package.json README.md LICENSE dist; do
    if [ -e "$source/$part" ]; then cp -RP "$source/$part" "$new/$part"; fi
  done
  # Dashboards without what they are made from.
  mkdir -p "$new/dashboards"
  for part in dashboards/influxdb dashboards/victoriametrics deploy/grafana deploy/victoriametrics; do
    if [ -e "$source/$part" ]; then cp -RP "$source/$part" "$new/$part"; fi
  done
  for part in config systemd fleets remote install.sh uninstall.sh production-modules.mjs; do
    cp -RP "$source/deploy/$part" "$new/deploy/$part"
  done
  find "$source/docs" -name '*.md' -exec cp {} "$new/docs/" \;
  find "$new/deploy" -name '*.ts' -exec rm -f {} +
  mkdir "$new/node_modules"
  cp "$source/node_modules/.package-lock.json" "$new/node_modules/"
  "$node" "$source/deploy/production-modules.mjs" "$source" >"$new/modules"
  while read -r module; do
    mkdir -p "$new/$(dirname "$module")"
    cp -RP "$source/$module" "$new/$module"
  done <"$new/modules"
  rm "$new/modules"
  if [ "$node_copy" = yes ]; then
    mkdir "$new/bin"
    cp "$node" "$new/bin/node"
  fi
  chmod -R u+rwX,go+rX,go-w "$new"
  chmod 0755 "$new"/deploy/*.sh
  if [ -d "$lib" ] && diff -r -q "$new" "$lib" >/dev/null 2>&1; then
    rm -rf "$new"
    return 0
  fi
  if [ -d "$lib" ]; then mv "$lib" "$lib.old"; fi
  mv "$new" "$lib"
  rm -rf "$lib.old"
  package_changed=yes
  tell "$lib"
}

install_programs() {
  case $1 in
    controller)
      put_text "$destdir$prefix/bin/headroom-controller" 0755 <<END
#!/bin/sh
HEADROOM_NODE='$node_path'
export HEADROOM_NODE
exec /bin/sh '$prefix/lib/headroom/dist/controller/run.sh' "\$@"
END
      put_text "$destdir$prefix/bin/headroom" 0755 <<END
#!/bin/sh
# The token of this machine's controller, unless another controller or another place is meant.
elsewhere=\${HEADROOM_URL-}\${HEADROOM_DATA-}
for word; do
  case \$word in --url | --url=*) elsewhere=yes ;; esac
done
if [ -z "\$elsewhere" ]; then
  HEADROOM_DATA=/var/lib/headroom
  export HEADROOM_DATA
fi
exec '$node_path' '$prefix/lib/headroom/dist/controller/cli/main.js' "\$@"
END
      ;;
    agent)
      put_text "$destdir$prefix/bin/headroom-agent" 0755 <<END
#!/bin/sh
set -- '$prefix/lib/headroom/dist/agent/run.sh' "\$@"
# Joining, and the audit log, are those of the service, with its configuration.
if [ "\${2-}" = join ] || [ "\${2-}" = audit ]; then
  configured=no
  for word; do
    case \$word in
      --config | --config=* | --help) configured=yes ;;
      --data | --data=*) if [ "\$2" = audit ]; then configured=yes; fi ;;
    esac
  done
  if [ "\$configured" = no ]; then set -- "\$@" --config /etc/headroom/agent.yaml; fi
fi
HEADROOM_NODE='$node_path'
export HEADROOM_NODE
exec /bin/sh "\$@"
END
      ;;
  esac
}

install_unit() {
  sed "s|/usr/local/|$prefix/|g" "$source/deploy/systemd/headroom-$1.service" |
    put_text "$units/headroom-$1.service" 0644
  put "$source/deploy/systemd/sysusers-$1.conf" "$destdir/etc/sysusers.d/headroom-$1.conf" 0644
  wanted=
  if [ "$1" = agent ]; then wanted=$drop_ins; fi
  if [ "$(systemd_version)" -ge 254 ]; then wanted="$wanted restart-backoff"; fi
  for file in "$source"/deploy/systemd/optional/*.conf; do
    name=$(basename "$file" .conf)
    target=$units/headroom-$1.service.d/$name.conf
    case " $wanted " in
      *" $name "*) put "$file" "$target" 0644 ;;
      # Asked for in an earlier run.
      *) if [ -f "$target" ]; then put "$file" "$target" 0644; fi ;;
    esac
  done
}

# 0 where there is none.
systemd_version() {
  version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9][0-9]*\).*/\1/p')
  echo "${version:-0}"
}

# Users, state directories, and what runs already is started anew.
bring_to_life() {
  for role in $roles; do
    user=headroom-$role
    if command -v systemd-sysusers >/dev/null; then systemd-sysusers "/etc/sysusers.d/$user.conf"; fi
    id "$user" >/dev/null 2>&1 || fail "there is no user $user: systemd-sysusers is missing; add the user, then run this again"
    case $role in
      controller) state=/var/lib/headroom ;;
      *) state=/var/lib/headroom-agent ;;
    esac
    if [ ! -d "$state" ]; then
      mkdir -m 0700 "$state"
      chown "$user:$user" "$state"
    fi
  done
  if [ "$changed" = yes ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # Both run what is in the one package, also where only one was asked for.
    if [ "$package_changed" = yes ]; then upgraded='controller agent'; else upgraded=$roles; fi
    for role in $upgraded; do
      if [ -f "$units/headroom-$role.service" ]; then
        systemctl try-restart "headroom-$role.service" || echo "headroom-$role does not start" >&2
      fi
    done
  fi
  echo
  for role in $roles; do
    echo "Edit /etc/headroom/$role.yaml if you like, then:"
    if [ "$role" = agent ] && [ ! -e /var/lib/headroom-agent/identity.json ]; then
      echo "  the command that 'headroom agent join-token' prints on the controller's machine (it starts the agent)"
    else
      echo "  systemctl enable --now headroom-$role"
    fi
  done
}

work=$(mktemp -d)
trap 'rm -rf "$work" ${lib:+"$lib.new"}' EXIT
main "$@"
exit 0
