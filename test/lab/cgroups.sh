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
  local root
  for root in $(lab_cgroup_roots); do
    mkdir "$root/headroom-lab-$1"
    [ ! -e "$root/headroom-lab-$1/cpu.shares" ] || echo $((1024 * $2)) > "$root/headroom-lab-$1/cpu.shares"
    if [ -e "$root/cgroup.controllers" ]; then
      echo '+cpu' > "$root/cgroup.subtree_control"
      echo $((100 * $2)) > "$root/headroom-lab-$1/cpu.weight"
      echo '+cpu' > "$root/headroom-lab-$1/cgroup.subtree_control"
    fi
  done
}

# enter_machine_cgroup ID NAME: moves the calling shell; 0 is whoever writes it.
enter_machine_cgroup() {
  local root
  for root in $(lab_cgroup_roots); do
    mkdir "$root/headroom-lab-$1/$2"
    echo 0 > "$root/headroom-lab-$1/$2/cgroup.procs"
  done
}

# In a machine, with a cgroup namespace of its own: its subtree is the whole tree.
mount_own_cgroups() {
  local controller
  if grep -q '^0::/$' /proc/self/cgroup && [ "$(wc -l < /proc/self/cgroup)" = 1 ]; then
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
