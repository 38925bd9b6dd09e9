#!/bin/sh
# Removes what install.sh installed, and nothing else. State (/var/lib/headroom*), edited configurations and the users that own
# the state stay, unless --purge is given. Running it again goes on where it was interrupted.
set -eu
LC_ALL=C
export LC_ALL

usage() {
  cat <<'END'
Usage: uninstall.sh [--controller] [--agent] [--prefix DIR] [--purge] [--dry-run]

  --controller, --agent  only that one (neither: all)
  --prefix DIR           where the programs are (as the services say; /usr/local)
  --purge                history, certificates, tokens, configuration and users as well
  --dry-run              only say what would be done

DESTDIR=DIR in the environment: below DIR; users and services of this machine are left alone.
END
}

fail() {
  printf 'uninstall.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

main() {
  prefix=
  roles=
  purge=no
  dry=no
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
      --dry-run) dry=yes ;;
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
  case $destdir in
    '' | /*) ;;
    *) fail "DESTDIR: expected an absolute path, got $destdir" 2 ;;
  esac
  if [ -z "$destdir" ] && [ "$(id -u)" -ne 0 ]; then fail 'run it as root, or set DESTDIR'; fi
  etc=$destdir/etc/headroom
  units=$destdir/etc/systemd/system
  if [ -z "$prefix" ]; then prefix=$(installed_prefix); fi
  prefix=${prefix%/}
  case $prefix in
    /?*) ;;
    *) fail "--prefix: expected an absolute path, got ${prefix:-/}" 2 ;;
  esac
  lib=$destdir$prefix/lib/headroom
  bin=$destdir$prefix/bin
  for role in $roles; do check_unit "$role"; done
  booted=no
  if [ -z "$destdir" ] && [ -d /run/systemd/system ]; then booted=yes; fi

  for role in $roles; do remove_role "$role"; done
  if [ "$booted" = yes ]; then act systemctl daemon-reload; fi
  # The programs last: `headroom leave` and this script go on as long as they are there.
  others=no
  for role in controller agent; do
    case " $roles " in
      *" $role "*) ;;
      *) if [ -e "$units/headroom-$role.service" ]; then others=yes; fi ;;
    esac
  done
  for role in $roles; do remove_programs "$role"; done
  if [ "$others" = no ]; then remove_package; fi
  remove_empty "$etc"
}

# As the services say, which install.sh wrote.
installed_prefix() {
  for role in controller agent; do
    file=$units/headroom-$role.service
    if [ -f "$file" ]; then
      found=$(sed -n "s|^ExecStart=\\(/[^ ]*\\)/bin/headroom-$role .*|\\1|p" "$file")
      if [ -n "$found" ]; then
        echo "$found"
        return 0
      fi
    fi
  done
  echo /usr/local
}

# A service of that name that runs something else was not made by install.sh.
check_unit() {
  file=$units/headroom-$1.service
  [ -e "$file" ] || return 0
  grep -q "^ExecStart=$prefix/bin/headroom-$1 " "$file" ||
    fail "${file#"$destdir"} does not run $prefix/bin/headroom-$1: nothing was removed; --prefix says where the programs are"
}

remove_role() {
  unit=headroom-$1.service
  case $1 in
    controller)
      files='controller.yaml policy.yaml'
      state=/var/lib/headroom
      ;;
    *)
      files=agent.yaml
      state=/var/lib/headroom-agent
      ;;
  esac
  if [ "$booted" = yes ] && [ -e "$units/$unit" ]; then act systemctl disable --now "$unit"; fi
  for name in proc-io libvirt-group restart-backoff; do remove "$units/$unit.d/$name.conf"; done
  if [ "$purge" = yes ]; then remove "$units/$unit.d"; fi
  remove_empty "$units/$unit.d"
  for file in $files; do
    if [ "$purge" = yes ] || cmp -s "$etc/$file" "$lib/deploy/config/$file"; then
      remove "$etc/$file"
    elif [ -e "$etc/$file" ]; then
      echo "kept /etc/headroom/$file, which was edited"
    fi
  done
  if [ "$purge" = yes ]; then
    remove "$destdir$state"
    if [ -z "$destdir" ] && is_own_user "headroom-$1" "$state"; then act userdel "headroom-$1"; fi
  elif [ -d "$destdir$state" ]; then
    echo "kept $state"
  fi
  remove "$destdir/etc/sysusers.d/headroom-$1.conf" "$units/$unit"
}

# NAME HOME: systemd-sysusers made it with that home.
is_own_user() {
  [ "$(getent passwd "$1" | cut -d: -f6)" = "$2" ]
}

remove_programs() {
  case $1 in
    controller) programs='headroom-controller headroom' ;;
    *) programs=headroom-agent ;;
  esac
  for program in $programs; do
    if [ ! -e "$bin/$program" ]; then continue; fi
    if grep -q -F "$prefix/lib/headroom/" "$bin/$program"; then
      remove "$bin/$program"
    else
      echo "kept $prefix/bin/$program, which runs something else"
    fi
  done
}

# This script and what tells whose directory it is go last.
remove_package() {
  remove "$lib.new" "$lib.old"
  if [ -d "$lib" ]; then
    if grep -q '"name": *"headroom"' "$lib/package.json" 2>/dev/null; then
      if [ "$dry" = no ]; then
        for entry in "$lib"/* "$lib"/.[!.]*; do
          case $entry in
            "$lib/deploy" | "$lib/package.json") ;;
            *) rm -rf "$entry" ;;
          esac
        done
      fi
      remove "$lib"
    else
      echo "kept $prefix/lib/headroom, which is something else"
    fi
  fi
  # Of a prefix of its own nothing stays.
  case $prefix in
    /usr | /usr/local) ;;
    *) remove_empty "$destdir$prefix/lib" "$bin" "$destdir$prefix" ;;
  esac
}

# Those of the paths that are there.
remove() {
  for path; do
    if [ ! -e "$path" ] && [ ! -L "$path" ]; then continue; fi
    if [ "$dry" = yes ]; then
      echo "would remove ${path#"$destdir"}"
    else
      rm -rf "$path"
      echo "removed ${path#"$destdir"}"
    fi
  done
}

act() {
  if [ "$dry" = yes ]; then echo "would run $*"; else "$@"; fi
}

# Those of the directories that are empty.
remove_empty() {
  if [ "$dry" = yes ]; then return 0; fi
  for directory; do
    if [ -d "$directory" ]; then rmdir "$directory" 2>/dev/null || true; fi
  done
}

main "$@"
exit 0
