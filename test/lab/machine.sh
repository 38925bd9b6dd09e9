#!/usr/bin/env bash
# Process 1 of one machine of a lab. Arguments: the lab's directory, the machine's name and address, and libvirt's capability
# cache. All of its namespaces are its own; what libvirt writes lies in the directory `hosts/NAME`.
set -e
dir=$1 name=$2 address=$3 cache=$4
here=$(dirname "$(readlink -f "$0")")
own=$dir/hosts/$name
trap 'touch "$own/failed"' ERR

hostname "$name"
. "$here/cgroups.sh"
mount_own_sys
. "$here/../support/private-libvirt.sh"
private_libvirt "$own" "$cache"
mkdir /run/lab
mount --bind "$own/serial" /run/lab
mount --bind "$dir/hosts-file" /etc/hosts
[ ! -e /etc/machine-id ] || mount --bind "$own/machine-id" /etc/machine-id

ip link set lo up
ip link add br0 type bridge stp_state 0 forward_delay 0
ip address add "$address/16" dev br0
until ip link show port > /dev/null 2>&1; do sleep 0.02; done
ip link set port master br0 up
ip link set br0 up

/usr/sbin/virtlogd -d
/usr/sbin/libvirtd -d --listen
touch "$own/up"
# A shell, because it also buries the orphans: libvirt waits for a QEMU that nobody buries.
while :; do
  sleep infinity &
  wait
done
