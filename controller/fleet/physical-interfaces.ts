/** Bridges, bonds and the hosts' ends of VMs: they carry what others carry already. */
const layered = /^(br|vmbr|virbr|xenbr|bond|team|ovs|vlan|docker|veth|tun|tap|vnet|vif)/

/**
 * Those of a machine's interfaces by which traffic leaves it, so that their sum counts it once.
 *
 * Xen's network-bridge script gives the card another name, `peth0`, and its own to the bridge on it, `eth0`. A VLAN is usually
 * called after the card that carries it, `eth0.12`.
 */
export function physicalInterfaces(devices: readonly string[]): ReadonlySet<string> {
  const present = new Set(devices)
  const isPhysical = (device: string): boolean => {
    const [card = ''] = device.split(/[.:]/)
    return !layered.test(device) && !present.has(`p${card}`) && (card === device || !present.has(card))
  }
  return new Set(devices.filter(isPhysical))
}
