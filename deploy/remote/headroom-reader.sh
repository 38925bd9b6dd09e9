#!/bin/sh
# headroom-reader: shows this machine to a headroom agent on another one, over ssh. It only reads, unless it is run with --act, and answers
# fixed words only: whoever calls cannot name a file or a command. docs/install.md says how to set it up; usually by a line such as this in
# ~/.ssh/authorized_keys of an account of its own:
#
#   restrict,command="/usr/local/bin/headroom-reader" ssh-ed25519 AAAA... headroom agent
#
# It needs a POSIX shell, head, ls, find and xargs; stat with -f for the use of file systems; and for libvirt one of the
# programs named in relay() below.
#
# What it is asked for is the last word of ssh's command line:
#   hold          nothing but to be there: other calls share its connection
#   files         answers words from standard input, one a line, until that ends: see serve()
#   libvirt-qemu  joins standard input and output with the read-only socket of libvirt
#   libvirt-xen   the same, with Xen's own daemon first
#
# Options, for whoever writes the forced command:
#   --root DIR    shows DIR in place of /: a recorded machine, for tests
#   --path DIRS   where to look for programs
#   --act         also does what act() below lists, with Xen domains named by their number, and joins with libvirt's other socket, which
#                 can do anything: for a key of its own
LC_ALL=C
export LC_ALL
root=
acts=
path=/usr/sbin:/usr/bin:/sbin:/bin
while :; do
  case ${1-} in
    --root) root=$2 && shift 2 ;;
    --path) path=$2 && shift 2 ;;
    --act) acts=yes && shift ;;
    *) break ;;
  esac
done
PATH=$path
export PATH

version=1
# Of an answer: all of its marks carry it.
number=0
# Known once a tool was asked for.
user=
# No file that is read has more lines; it keeps a file without an end from being one.
lines=20000
# So many devices at once, that their names fit into one command line of Linux 2.6.18: 128 KiB.
at_once=100

fail() {
  printf 'headroom-reader: %s\n' "$1" >&2
  exit 1
}

ready() {
  printf '@@headroom 0 ready %s\n' "$version"
}

# Finds a program; not what a shell such as busybox's has built in.
find_program() {
  program=
  rest=$PATH:
  while [ -n "$rest" ]; do
    program=${rest%%:*}/$1
    rest=${rest#*:}
    [ ! -x "$program" ] || return 0
  done
  program=
  return 1
}

# Begins a part of an answer. What comes before need not end with a newline, so one is put in front.
mark() {
  printf '\n@@headroom %s %s\n' "$number" "$*"
}

# Prints files with their names, all of them with one process; what is not there is left out. Below $1, which is where we are.
# /dev/null comes first because head gives a single file no name.
heads() {
  mark heads "$1"
  shift
  head -n "$lines" /dev/null "$@" 2>/dev/null
}

# What Xen's back ends of this kernel count, by device, with /proc/diskstats: one process for up to $at_once devices.
counters() {
  if cd "$root/sys/bus/xen-backend/devices" 2>/dev/null; then
    here=/sys/bus/xen-backend/devices
    mark names $here
    printf '%s\n' vbd-* tap-* vif-* vif-*/net/* vif-*/net:*
    set -- ../../../../proc/diskstats ../../../../proc/sys/kernel/random/boot_id
    count=0
    for device in vbd-* tap-*; do
      # A pattern that found nothing.
      case $device in *'*') continue ;; esac
      at=$device/statistics/
      # blktap of Xen 3 counts under names of its own.
      case $device in tap-*) at=${at}tap_ ;; esac
      set -- "$@" "$device/physical_device" "$device/mode" "${at}rd_req" "${at}wr_req" "${at}f_req" "${at}oo_req" \
        "${at}rd_sect" "${at}wr_sect"
      count=$((count + 1))
      if [ "$count" -ge "$at_once" ]; then
        heads $here "$@"
        set --
        count=0
      fi
    done
    [ $# -eq 0 ] || heads $here "$@"
  elif cd "$root/proc"; then
    heads /proc diskstats sys/kernel/random/boot_id
  fi
}

# What changes all the time besides the counters: the machine itself, and the VMs' networks.
state() {
  if cd "$root/proc"; then
    heads /proc stat loadavg meminfo vmstat uptime mdstat net/dev self/mounts 1/mounts pressure/cpu pressure/memory pressure/io
  fi
  if [ -d "$root/sys/bus/xen-backend" ] && cd "$root/sys/class/net" 2>/dev/null; then
    set --
    count=0
    for device in *; do
      at=$device/statistics
      set -- "$@" "$at/rx_bytes" "$at/rx_packets" "$at/rx_errors" "$at/rx_dropped" \
        "$at/tx_bytes" "$at/tx_packets" "$at/tx_errors" "$at/tx_dropped"
      count=$((count + 1))
      if [ "$count" -ge "$at_once" ]; then
        heads /sys/class/net "$@"
        set --
        count=0
      fi
    done
    [ $# -eq 0 ] || heads /sys/class/net "$@"
  fi
  mark space /
  of_mounts stat -f -c '%S %b %a %c %d %n'
}

# Runs a program on where local file systems are mounted, named from the root. Never on network file systems: a call to a server
# that is away would hold up everything.
of_mounts() {
  [ -r "$root/proc/self/mounts" ] && cd "$root/" || return 0
  count=0
  while read -r _ mount type _; do
    # A name with a space or the like is written with backslashes.
    case $mount in *\\*) continue ;; esac
    case $type in
      ext2 | ext3 | ext4 | xfs | btrfs | zfs | jfs | reiserfs | f2fs | bcachefs | vfat | exfat | ntfs3 | vmfs) ;;
      overlay) [ "$mount" = / ] || continue ;;
      *) continue ;;
    esac
    count=$((count + 1))
    [ "$count" -le 256 ] || break
    set -- "$@" ".$mount"
  done <"$root/proc/self/mounts"
  [ "$count" -eq 0 ] || "$@" 2>/dev/null
}

# What changes seldom: which devices there are and what they rest on.
inventory() {
  if cd "$root/proc"; then
    heads /proc cpuinfo sys/kernel/osrelease sys/kernel/hostname self/auxv
  fi
  if cd "$root/sys"; then
    # Links first: the files after them are named through them.
    mark links /sys
    printf '%s\n' block/* class/block/* dev/block/* block/*/device class/block/*/device \
      block/*/slaves/* block/*/*/slaves/* class/block/*/slaves/* class/iscsi_session/* class/iscsi_session/*/device \
      class/iscsi_session/*/device/target*/*:*/block:* bus/rbd/devices/* class/dmi/id/product_uuid |
      xargs ls -lnd 2>/dev/null
    mark heads /sys
    attributes | xargs head -n "$lines" /dev/null 2>/dev/null
  fi
  if cd "$root/dev"; then
    mark links /dev
    find . -name shm -prune -o \( -type b -o -type l \) -exec ls -lnd {} + 2>/dev/null
  fi
  if cd "$root/"; then
    # Images of VMs may lie behind a link: it is seen in these directories.
    set --
    for name in * var/* var/lib/* var/lib/libvirt/* var/lib/libvirt/images/* var/lib/xen/* var/lib/xen/images/* srv/* \
      mnt/* opt/*; do
      [ -h "$name" ] && set -- "$@" "$name"
    done
    mark links /
    [ $# -eq 0 ] || ls -lnd "$@" 2>/dev/null
    heads / etc/os-release etc/redhat-release etc/ceph/ceph.conf
  fi
  mark under /
  of_mounts stat -c '%d %n'
}

# Names of what block devices tell of themselves. Linux 2.6.18 has no class/block, and shows partitions in their disks only.
attributes() {
  set -- class/block/*
  [ -e "$1" ] || set -- block/* block/*/*
  for block in "$@"; do
    [ -e "$block/dev" ] || [ -e "$block/size" ] || continue
    for name in dev size partition loop/backing_file dm/uuid dm/name md/uuid serial wwid queue/rotational device/serial \
      device/vpd_pg80 device/wwid device/cid device/vendor device/model; do
      printf '%s\n' "$block/$name"
    done
  done
  printf '%s\n' class/iscsi_session/*/targetname bus/rbd/devices/*/cluster_fsid bus/rbd/devices/*/pool \
    bus/rbd/devices/*/name hypervisor/version/major hypervisor/version/minor hypervisor/version/extra \
    class/dmi/id/product_uuid class/dmi/id/sys_vendor class/dmi/id/product_name
}

# What Xen's own tools print. They want root: through sudo, if this is another account.
tool() {
  [ -n "$user" ] || user=$(id -u)
  for name in xl xm; do
    find_program "$name" || continue
    mark text "$name"
    if [ "$user" = 0 ]; then
      { said=$("$program" "$@" 2>&1 >&3 3>&- </dev/null); } 3>&1
    else
      { said=$(sudo -n "$program" "$@" 2>&1 >&3 3>&- </dev/null); } 3>&1
    fi
    status=$?
    mark ended "$status"
    printf '%s\n' "$said"
    [ "$status" -ne 0 ] || return 0
  done
}

# A number without anything else.
is_number() {
  case $1 in '' | *[!0-9]*) return 1 ;; esac
  [ ${#1} -le 9 ]
}

# The number of a domain that is a guest: not 0, which is this one.
is_guest() {
  case $1 in 0*) return 1 ;; esac
  is_number "$1"
}

# 8-4-4-4-12 hexadecimal digits.
is_uuid() {
  case $1 in *[!0-9a-f-]* | -*) return 1 ;; ????????-????-????-????-????????????) ;; *) return 1 ;; esac
}

# Whether the words are those of something that may be done.
may_act() {
  [ "$acts" = yes ] || return 1
  case $1/$# in
    pause/2 | unpause/2 | shutdown/2 | reboot/2 | destroy/2) is_guest "$2" ;;
    start/2) is_uuid "$2" ;;
    mem-set/3) is_guest "$2" && [ "$3" = "${3%m}m" ] && is_number "${3%m}" ;;
    sched-credit/3 | sched-credit2/3) [ "$2" = -d ] && is_guest "$3" ;;
    sched-credit/5 | sched-credit2/5) [ "$2" = -d ] && is_guest "$3" && [ "$4" = -c ] && is_number "$5" ;;
    *) return 1 ;;
  esac
}

# Does something with one domain, by Xen's own tool.
act() {
  set -f
  # shellcheck disable=SC2086
  set -- $1
  set +f
  if may_act "$@"; then tool "$@"; else mark unknown; fi
}

# One answer for each word, until there are no more.
serve() {
  ready
  while read -r word; do
    number=$((number + 1))
    mark begin "$word"
    case $word in
      fast) counters ;;
      state)
        counters
        state
        ;;
      inventory)
        counters
        state
        inventory
        ;;
      list) tool list ;;
      list-long) tool list -l ;;
      info) tool info ;;
      *' '*) act "$word" ;;
      *) mark unknown ;;
    esac
    mark end "$word"
  done
}

# Joins standard input and output with libvirt's read-only socket, or with --act the other one, by whatever program there is for it.
relay() {
  socket=
  only=-ro
  [ "$acts" != yes ] || only=
  for name in "virt${1}d-sock$only" "libvirt-sock$only"; do
    for place in "$root/run/libvirt" "$root/var/run/libvirt"; do
      [ -n "$socket" ] || [ ! -S "$place/$name" ] || socket=$place/$name
    done
  done
  [ -n "$socket" ] || fail "there is no ${only:+read-only }socket of libvirt: libvirtd does not run, or has none"
  [ -w "$socket" ] || fail "this account may not open $socket"
  if find_program nc; then
    # There are several programs of that name.
    case $("$program" -h 2>&1) in *-U*) ready && exec "$program" -U "$socket" ;; esac
  fi
  find_program socat && ready && exec "$program" - "UNIX-CONNECT:$socket"
  if [ -z "$root" ] && find_program virt-ssh-helper; then
    # shellcheck disable=SC2086
    ready && exec "$program" ${only:+-r} "$1:///system"
  fi
  find_program perl && ready && exec "$program" -e "$in_perl" "$socket"
  for name in python3 python python2; do
    find_program "$name" && ready && exec "$program" -c "$in_python" "$socket"
  done
  fail 'nothing here can open a unix socket: install nc with -U (netcat-openbsd), socat, perl or python'
}

# shellcheck disable=SC2016
in_perl='use strict; use Socket;
socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die "$!\n";
connect($s, sockaddr_un($ARGV[0])) or die "$ARGV[0]: $!\n";
sub put { my ($f, $d) = @_; while (length $d) { my $n = syswrite($f, $d); defined $n or exit 1; substr($d, 0, $n) = "" } }
while (1) {
  my ($r, $d) = ("", ""); vec($r, 0, 1) = 1; vec($r, fileno($s), 1) = 1;
  next if select($r, undef, undef, undef) < 0;
  if (vec($r, fileno($s), 1)) { sysread($s, $d, 65536) or exit; put(*STDOUT, $d) }
  if (vec($r, 0, 1)) { sysread(STDIN, $d, 65536) or exit; put($s, $d) }
}'

in_python='import os, select, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
while True:
    r = select.select([0, s], [], [])[0]
    if s in r:
        d = s.recv(65536)
        if not d: break
        while d: d = d[os.write(1, d):]
    if 0 in r:
        d = os.read(0, 65536)
        if not d: break
        s.sendall(d)'

asked=${SSH_ORIGINAL_COMMAND-$*}
case ${asked##* } in
  files) serve ;;
  libvirt-qemu) relay qemu ;;
  libvirt-xen) relay xen ;;
  hold)
    ready
    while read -r _; do :; done
    ;;
  *) fail 'asked for something else than hold, files, libvirt-qemu or libvirt-xen' ;;
esac
