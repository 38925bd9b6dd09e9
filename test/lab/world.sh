#!/usr/bin/env bash
# Process 1 of a lab: everything else in it is a descendant, so that it all ends with this one. Arguments: the lab's
# directory, its id, how long it lives (`tied`: until standard input ends; `free`: until SIGTERM), its CPU weight in tasks,
# and libvirt's capability cache. `machines` in the directory has a line for each machine: its name and address.
set -eE
dir=$1 id=$2 life=$3 weight=$4 cache=$5
here=$(dirname "$(readlink -f "$0")")
exec 3<&0 < /dev/null

# The same on SIGTERM, at the end of standard input and after a failure: nothing may stay behind.
finish() {
  trap '' TERM
  set +e
  kill -KILL -1
  wait
  . "$here/cgroups.sh"
  remove_lab_cgroups "$id"
  # What an array left mounted when it was killed is no directory any more.
  while read -r _ mounted _; do
    case $mounted in "$dir/luns/"*) umount --lazy "$mounted" ;; esac
  done <<< "$(< /proc/mounts)"
  [ "$life" = failed ] || rm -rf "$dir"
  exit 0
}
trap finish TERM
trap 'life=failed; finish' ERR

mount -t tmpfs tmpfs /run
ip link set lo up
ip link add lab0 type bridge stp_state 0 forward_delay 0
ip address add 10.201.0.1/16 dev lab0
ip link set lab0 up

# `arrays` has a line for each that is more than files: its name, its kind, and what that needs. It lies over the files of its
# LUNs, and comes before the machines, which see it too.
start_array() {
  local name=$1 kind=$2 files file
  files=$dir/luns/$name
  case $kind in
    write-back)
      "$3" "$files" ${4:+"$4"} &
      until_mounted "$files" $!
      ;;
    rate)
      # Among mounts of its own, where the files beneath stay to be seen.
      unshare --mount nbdkit --foreground --unix "$dir/$name.nbd" --filter=rate file dir="$files" rate="$3" burstiness="$4" &
      until [ -S "$dir/$name.nbd" ]; do alive_still $!; done
      for file in "$files"/*; do
        nbdfuse "$file" "nbd+unix:///$(basename "$file")?socket=$dir/$name.nbd" &
        until_mounted "$file" $!
      done
      ;;
  esac
}
until_mounted() {
  until mountpoint --quiet "$1"; do alive_still "$2"; done
}
alive_still() {
  kill -0 "$1"
  sleep 0.02
}
while read -r line; do
  # shellcheck disable=SC2086 # Its words.
  start_array $line >> "$dir/arrays.log" 2>&1
done < "$dir/arrays"

TGT_IPC_SOCKET=$dir/tgt tgtd --foreground --nr_iothreads 2 --iscsi portal=10.201.0.1:3260 > "$dir/tgtd.log" 2>&1 &

. "$here/cgroups.sh"
make_lab_cgroup "$id" "$weight"
outside=$(readlink /proc/self/ns/net)
while read -r name address; do
  # Its cgroup is entered before its cgroup namespace is made, so that it is the root there.
  unshare --mount --uts --ipc --net --pid --fork --kill-child --mount-proc \
    bash -c '. "$1/cgroups.sh" && enter_machine_cgroup "$2" "$4" && exec unshare --cgroup bash "$1/machine.sh" "${@:3}"' \
    bash "$here" "$id" "$dir" "$name" "$address" "$cache" > "$dir/hosts/$name/machine.log" 2>&1 &
  machine=$!
  until [ "$(readlink "/proc/$machine/ns/net")" != "$outside" ]; do sleep 0.02; done
  ip link add "to-$name" type veth peer name port netns "$machine"
  ip link set "to-$name" master lab0 up
done < "$dir/machines"

if [ "$life" = tied ]; then cat <&3 > /dev/null & else sleep infinity & fi
wait $! || true
finish
