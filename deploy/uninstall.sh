#!/bin/sh
# Removes what install.sh installed. State (/var/lib/headroom*), edited configurations and the users that own the state
# stay, unless --purge is given.
set -eu
LC_ALL=C
export LC_ALL

usage() {
  cat <<'END'
Usage: uninstall.sh [--controller] [--agent] [--prefix DIR] [--purge]

  --controller, --agent  only that one (neither: all)
  --prefix DIR           where the programs are (/usr/local)
  --purge                history, certificates, tokens, configuration and users as well

DESTDIR=DIR in the environment: below DIR; users and services of this machine are left alone.
END
}

fail() {
  printf 'uninstall.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

main() {
  prefix=/usr/local
  roles=
  purge=no
  while [ $# -gt 0 ]; do
    case $1 in
      --controller | --agent) roles="$roles ${1#--}" ;;
      --prefix=*) prefix=${1#*=} ;;
      --prefix)
        [ $# -ge 2 ] || fail '--prefix needs a value (--help says more)' 2
        prefix=$2
        shift
        ;;
      --purge) purge=yes ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) fail "unknown option $1 (--help says more)" 2 ;;
    esac
    shift
  done
  roles=${roles:-controller agent}
  destdir=${DESTDIR-}
  destdir=${destdir%/}
  prefix=${prefix%/}
  case $prefix in
    /?*) ;;
    *) fail "--prefix: expected an absolute path, got ${prefix:-/}" 2 ;;
  esac
  case $destdir in
    '' | /*) ;;
    *) fail "DESTDIR: expected an absolute path, got $destdir" 2 ;;
  esac
  if [ -z "$destdir" ] && [ "$(id -u)" -ne 0 ]; then fail 'run it as root, or set DESTDIR'; fi
  lib=$destdir$prefix/lib/headroom
  bin=$destdir$prefix/bin
  etc=$destdir/etc/headroom
  units=$destdir/etc/systemd/system
  booted=no
  if [ -z "$destdir" ] && [ -d /run/systemd/system ]; then booted=yes; fi

  for role in $roles; do remove_role "$role"; done
  if [ ! -e "$units/headroom-controller.service" ] && [ ! -e "$units/headroom-agent.service" ]; then
    rm -rf "$lib" "$lib.new" "$lib.old"
    # Of a prefix of its own nothing stays.
    case $prefix in
      /usr | /usr/local) ;;
      *) remove_empty "$destdir$prefix/lib" "$bin" "$destdir$prefix" ;;
    esac
  fi
  remove_empty "$etc"
  if [ "$booted" = yes ]; then systemctl daemon-reload; fi
}

remove_role() {
  unit=headroom-$1.service
  if [ "$booted" = yes ] && [ -e "$units/$unit" ]; then systemctl disable --now "$unit"; fi
  case $1 in
    controller)
      programs='headroom headroom-controller'
      files='controller.yaml policy.yaml'
      state=/var/lib/headroom
      ;;
    *)
      programs=headroom-agent
      files=agent.yaml
      state=/var/lib/headroom-agent
      ;;
  esac
  for program in $programs; do rm -f "$bin/$program"; done
  for name in proc-io libvirt-group restart-backoff; do rm -f "$units/$unit.d/$name.conf"; done
  remove_empty "$units/$unit.d"
  rm -f "$units/$unit" "$destdir/etc/sysusers.d/headroom-$1.conf"
  for file in $files; do
    if [ "$purge" = yes ] || cmp -s "$etc/$file" "$lib/deploy/config/$file"; then
      rm -f "$etc/$file"
    elif [ -e "$etc/$file" ]; then
      echo "kept /etc/headroom/$file, which was edited"
    fi
  done
  if [ "$purge" = yes ]; then
    rm -rf "$units/$unit.d" "$destdir$state"
    if [ -z "$destdir" ] && id "headroom-$1" >/dev/null 2>&1; then userdel "headroom-$1"; fi
  elif [ -d "$destdir$state" ]; then
    echo "kept $state"
  fi
}

# Those of the directories that are empty.
remove_empty() {
  for directory; do
    if [ -d "$directory" ]; then rmdir "$directory" 2>/dev/null || true; fi
  done
}

main "$@"
exit 0
