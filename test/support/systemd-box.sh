#!/usr/bin/env bash
# A machine inside this one for tests of services: a real systemd as process 1 over a copy-on-write view of this machine's
# disk. `systemd-box.sh PLACE SOURCE` runs it; PLACE is an empty directory, SOURCE is shown read-only as /opt/source.
# Namespaces and cgroups are its own, and all of it ends with this process. Nothing is written to this machine's disk.
set -euo pipefail
place=$1 source=$2
hierarchies=(/sys/fs/cgroup)
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
  hierarchies=()
  for name in systemd memory cpu pids; do
    [ -d "/sys/fs/cgroup/$name" ] && hierarchies+=("/sys/fs/cgroup/$name")
  done
fi

if [ "${3-}" != inside ]; then
  # A cgroup of its own in every hierarchy: the namespace begins there.
  for hierarchy in "${hierarchies[@]}"; do
    mkdir "$hierarchy/headroom-box-$$"
    echo $$ >"$hierarchy/headroom-box-$$/cgroup.procs"
  done
  # Both die with whoever started them, however that ends.
  exec setpriv --pdeathsig KILL \
    unshare --mount --pid --fork --kill-child --uts --ipc --net --cgroup bash "$0" "$place" "$source" inside
fi

mount --make-rprivate /
mount -t tmpfs tmpfs "$place"
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" "$place/root"
root=$place/root
# This machine's services, mounts and what is made at its boot are not wanted.
rm -rf "$root"/etc/systemd/system/* "$root"/usr/lib/systemd/system/*.wants "$root"/usr/lib/systemd/system-generators
rm -rf "$root"/var/lib/headroom* "$root"/etc/headroom "$root"/usr/local/lib/headroom
: >"$root/etc/fstab"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root/opt/source" "$root/old"
mount --bind "$source" "$root/opt/source"
mount -o remount,ro,bind "$root/opt/source"
if [ "${hierarchies[*]}" = /sys/fs/cgroup ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  for hierarchy in "${hierarchies[@]}"; do
    name=${hierarchy##*/}
    mkdir "$root/sys/fs/cgroup/$name"
    [ "$name" = systemd ] && options=none,name=systemd || options=$name
    mount -t cgroup -o "$options" cgroup "$root/sys/fs/cgroup/$name"
  done
fi
ip link set lo up
cd "$root"
pivot_root . old
umount -l /old
exec env -i container=box PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=basic.target --show-status=0
