#!/bin/busybox sh
# The first program of dom0: loads its drivers, mounts its disks and hands over to /lab/init. The disks: vda the root, vdb what
# this lab brings along (read-only), vdc room for the guests' disks.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do
  [ -f "/modules/$module.ko" ] && insmod "/modules/$module.ko"
done < /modules/order

until [ -e /dev/vdc ]; do usleep 50000; done
mkdir -p /root
mount -t ext4 /dev/vda /root
mount -t ext4 -o ro /dev/vdb /root/lab
mount -t ext4 /dev/vdc /root/data
for name in proc sys dev; do mount --move "/$name" "/root/$name"; done
exec switch_root /root /bin/sh /lab/init
