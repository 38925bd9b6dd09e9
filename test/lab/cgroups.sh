# Sourced by process 1 of a lab and of its machines. Each machine has a subtree of its own, because every libvirt uses the
# path /machine; the lab as a whole has the weight of as many tasks as it stands for, or it would starve as one.
# Both versions: one hierarchy a controller (1), or one for all (2). Memory is left alone: limits set around the lab hold.

lab_cgroup_controllers='cpu cpuacct'

# Where the lab's subtrees begin, one a line.
lab_cgroup_roots() {
  local controller
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    echo /sys/fs/cgroup
    return
  fi
  for controller in $lab_cgroup_controllers; do
    [ ! -e "/sys/fs/cgroup/$controller/cgroup.procs" ] || echo "/sys/fs/cgroup/$controller"
  done
}

# make_lab_cgroup ID TASKS
make_lab_cgroup() {
  local root own
  for root in $(lab_cgroup_roots); do
    own=$root/headroom-lab-$1
    mkdir "$own"
    [ ! -e "$own/cpu.shares" ] || echo $((1024 * $2)) > "$own/cpu.shares"
    if [ -e "$root/cgroup.controllers" ]; then
      # Not every box lets its controllers be handed down; the lab is only slower then.
      echo '+cpu' > "$root/cgroup.subtree_control" || true
      [ ! -e "$own/cpu.weight" ] || echo $((100 * $2 < 10000 ? 100 * $2 : 10000)) > "$own/cpu.weight"
      echo '+cpu' > "$own/cgroup.subtree_control" || true
    fi
  done
}

# enter_machine_cgroup ID NAME: makes it and moves the calling shell there; 0 is whoever writes it.
enter_machine_cgroup() {
  local root
  for root in $(lab_cgroup_roots); do
    mkdir "$root/headroom-lab-$1/$2"
    echo 0 > "$root/headroom-lab-$1/$2/cgroup.procs"
  done
}

# mount_own_sys: in a machine, with network and cgroup namespaces of its own. Its devices are there and no others, and its
# cgroup subtree is the whole tree.
mount_own_sys() {
  local controller version=1
  [ ! -e /sys/fs/cgroup/cgroup.controllers ] || version=2
  umount -R /sys
  mount -t sysfs sysfs /sys
  if [ $version = 2 ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    # A group that hands its controllers down may have no processes itself.
    mkdir /sys/fs/cgroup/init
    echo 0 > /sys/fs/cgroup/init/cgroup.procs
    return
  fi
  mount -t tmpfs tmpfs /sys/fs/cgroup
  for controller in $lab_cgroup_controllers; do
    grep -q ":$controller:/\$" /proc/self/cgroup || continue
    mkdir "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
  done
}

# remove_lab_cgroups ID: a group goes when its last process has been buried, which may take a moment.
remove_lab_cgroups() {
  local root tries
  for root in $(lab_cgroup_roots); do
    for tries in $(seq 100); do
      [ -d "$root/headroom-lab-$1" ] || break
      find "$root/headroom-lab-$1" -depth -type d -exec rmdir {} + 2> /dev/null && break
      sleep 0.05
    done
  done
}
