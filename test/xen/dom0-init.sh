#!/bin/sh
# Process 1 of dom0: starts what a Xen host runs, says `dom0 is ready` on the console, and buries the orphans.
PATH=/usr/lib/xen-4.17/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/busybox
export PATH
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /run/lock /run/sshd /run/xen /run/xenstored /run/libvirt /dev/pts /dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
ln -sf pts/ptmx /dev/ptmx
# Xen's scripts, which attach the guests' devices, hang without these.
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
ln -s /proc/self/fd/1 /dev/stdout
ln -s /proc/self/fd/2 /dev/stderr
mount -t xenfs xenfs /proc/xen
busybox --install -s /usr/lib/busybox
hostname xenlab

ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip link add xenbr0 type bridge
ip address add 10.77.0.1/24 dev xenbr0
ip link set xenbr0 up
/usr/sbin/sshd

# The product, if the lab brings it.
if [ -d /lab/product ]; then
  mount --bind /lab/product/usr/local /usr/local
  cp -R /lab/product/etc/. /etc/
fi

cp /lab/hotplug/* /etc/xen/scripts/
xenstored --pid-file /run/xenstore.pid
until xenstore-read -s / > /dev/null 2>&1; do sleep 0.1; done
xen-init-dom0 > /dev/null
xenconsoled --pid-file=/run/xenconsoled.pid
libvirtd -d
# What libvirt says meanwhile is on the console, for whoever waits in vain.
until virsh -q -c xen:///system list > /dev/null 2> /dev/console; do sleep 1; done
echo 'dom0 is ready' > /dev/console
while :; do
  sleep infinity &
  wait
done
