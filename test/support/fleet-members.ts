import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { startXenDouble } from '../fixtures/xen/xen-double.js'
import { defineGuest } from './libvirt-guest.js'
import { startLibvirtDaemon } from './libvirt-daemon.js'
import { localMember, type FleetMember } from './mixed-fleet.js'
import { doublePassword, doubleUser, startVsphereDouble } from './vsphere-double.js'

/**
 * A fleet of all kinds, each read by its real driver. Who has another hypervisor at hand adds it here.
 * @param xen a double unless there is a real one
 */
export async function allMembers(xen: () => Promise<FleetMember> = xenDoubleMember): Promise<readonly FleetMember[]> {
  return [simulatedMember(), ...(await Promise.all([xen(), vsphereDoubleMember(), kvmMember()]))]
}

/** The elab fleet, simulated: four Xen hosts and an ESXi host. */
function simulatedMember(): FleetMember {
  const fleet = resolve(import.meta.dirname, '../../deploy/fleets/elab.yaml')
  const what = { name: 'elab', shows: { 'xen, simulated': 4, 'esxi, simulated': 1 } }
  return localMember(
    what,
    () => ({ hypervisors: [{ kind: 'simulated', fleet }] }),
    () => undefined,
  )
}

/** A Xen host written by hand: libvirt's answers and dom0's trees. The driver is the real one. */
async function xenDoubleMember(): Promise<FleetMember> {
  const double = await startXenDouble()
  const { procRoot: proc, sysRoot: sys, devRoot: dev, rootFs: root } = double.tree
  return localMember(
    { name: 'xen-double', shows: { xen: 1 } },
    () => ({
      hypervisors: [{ kind: 'libvirt', uri: 'xen:///system', socket: double.socket }],
      paths: { proc, sys, dev, root },
    }),
    () => double.stop(),
  )
}

/** A vCenter written by hand, with two hosts and a VM that is off. */
async function vsphereDoubleMember(): Promise<FleetMember> {
  const double = await startVsphereDouble({ now: () => Date.now(), hosts: 2, vms: 6 })
  double.vm(0).power = 'poweredOff'
  return localMember(
    { name: 'vsphere-double', shows: { esxi: 2 } },
    async (directory) => {
      const passwordFile = join(directory, 'password')
      await writeFile(passwordFile, doublePassword, { mode: 0o600 })
      const thumbprint = double.thumbprint
      return { hypervisors: [{ kind: 'esxi', url: double.url.href, user: doubleUser, passwordFile, thumbprint }] }
    },
    () => double.close(),
  )
}

/** A real libvirtd with a real guest that writes, and one that is off. */
async function kvmMember(): Promise<FleetMember> {
  const daemon = await startLibvirtDaemon()
  const guest = await defineGuest(daemon, { name: 'kvm-guest', disksMiB: [64, 16], nic: true })
  await defineGuest(daemon, { name: 'kvm-guest-off' })
  await guest.start()
  await guest.tell('trickle vdb')
  return localMember(
    { name: 'kvm-host', shows: { kvm: 1 } },
    () => ({ hypervisors: [{ kind: 'libvirt', socket: daemon.socketRo }] }),
    () => daemon.stop(),
  )
}
