import type { Verdict } from '../../../common/verbs.js'
import { attribute, child, children, childText, parseXml, type XmlElement } from './xml.js'

/** What a definition asks of the host on which it is to run. */
export interface Needs {
  readonly uuid: string
  readonly name: string
  /** `kvm`, `qemu`. */
  readonly type: string
  readonly emulator: string | undefined
  readonly architecture: string | undefined
  readonly machine: string | undefined
  /** `custom`, `host-model`, `host-passthrough`; undefined: libvirt's default. */
  readonly cpuMode: string | undefined
  /** Bridges that its interfaces are on, and virtual networks. */
  readonly bridges: readonly string[]
  readonly networks: readonly string[]
  /** Devices of the host itself that it was given. */
  readonly passthrough: readonly string[]
  /** vCPUs that this run was given after its start. */
  readonly addedVcpus: number
  /** Files and devices that its disks and drives are. */
  readonly paths: readonly { readonly target: string; readonly path: string; readonly isDrive: boolean }[]
}

/** Of the host that looks. */
export interface ReceptionSite {
  /** Whether there is such a file, a device or a bridge. */
  readonly hasPath: (path: string) => Promise<boolean>
  readonly hasBridge: (name: string) => Promise<boolean>
  /** libvirt's capabilities. */
  readonly capabilities: (signal: AbortSignal) => Promise<string>
  /** How the CPU of a definition stands to the host's, as libvirt says: whether it can run here. */
  readonly canRunCpu: (cpuXml: string, signal: AbortSignal) => Promise<boolean>
}

/** @throws XmlError if it is no definition */
export function needsOf(definition: string): Needs {
  const root = parseXml(definition)
  const devices = child(root, 'devices')
  const os = child(child(root, 'os'), 'type')
  const interfaces = children(devices, 'interface').map((nic) => child(nic, 'source'))
  return {
    uuid: childText(root, 'uuid')?.toLowerCase() ?? '',
    name: childText(root, 'name') ?? '',
    type: attribute(root, 'type') ?? '',
    emulator: childText(devices, 'emulator'),
    architecture: attribute(os, 'arch'),
    machine: attribute(os, 'machine'),
    cpuMode: attribute(child(root, 'cpu'), 'mode'),
    bridges: interfaces.flatMap((source) => attribute(source, 'bridge') ?? []),
    networks: interfaces.flatMap((source) => attribute(source, 'network') ?? []),
    passthrough: children(devices, 'hostdev').map((device) => attribute(device, 'type') ?? 'device'),
    addedVcpus: children(child(root, 'vcpus'), 'vcpu').filter(wasAdded).length,
    paths: children(devices, 'disk').flatMap((disk) => {
      const source = child(disk, 'source')
      const path = attribute(source, 'file') ?? attribute(source, 'dev')
      const target = attribute(child(disk, 'target'), 'dev') ?? ''
      const isDrive = ['cdrom', 'floppy'].includes(attribute(disk, 'device') ?? 'disk')
      return path === undefined ? [] : [{ target, path, isDrive }]
    }),
  }
}

/** Of a vCPU that was there at the start libvirt says whether it can be taken away; of one that was set later it does not. */
function wasAdded(vcpu: XmlElement): boolean {
  return attribute(vcpu, 'enabled') === 'yes' && attribute(vcpu, 'hotpluggable') === undefined
}

/** What of a definition keeps it where it is. Pure. */
export function departureVerdicts({ passthrough, paths, addedVcpus }: Needs): readonly Verdict[] {
  const drives = paths.filter(({ isDrive }) => isDrive).map(({ target, path }) => `${target} (${path})`)
  return [
    passthrough.length === 0
      ? yes('passthrough', 'it has no device of its host')
      : no('passthrough', `it has devices of its host: ${passthrough.join(', ')}`),
    // libvirt tells the other host of all of them as if they had been there at the start: its devices then have queues for more than this run has.
    addedVcpus === 0
      ? yes('vcpus', 'it has the vCPUs that it started with')
      : no(
          'vcpus',
          `this run was given ${addedVcpus === 1 ? 'a vCPU' : `${addedVcpus} vCPUs`} after its start, which libvirt cannot move: after its next start it can`,
        ),
    yes(
      'drives',
      drives.length === 0 ? 'no drive with a file in it' : `the other host has to have ${drives.join(', ')}`,
    ),
  ]
}

/** What of a definition can be had on this host. */
export async function readReception(
  definition: string,
  site: ReceptionSite,
  signal: AbortSignal,
): Promise<readonly Verdict[]> {
  const needs = needsOf(definition)
  const capabilities = parseXml(await site.capabilities(signal))
  const missing = async (names: readonly string[], has: (name: string) => Promise<boolean>): Promise<string[]> => {
    const found = await Promise.all(names.map(async (name) => ((await has(name)) ? [] : [name])))
    return found.flat()
  }
  const cpu = /<cpu[\s>].*<\/cpu>|<cpu[^>]*\/>/s.exec(definition)?.[0]
  const comparesCpu = needs.type === 'kvm' && cpu !== undefined && needs.cpuMode === 'custom'
  return receptionVerdicts(needs, {
    emulators: emulatorsOf(capabilities, needs),
    missingBridges: await missing(needs.bridges, site.hasBridge),
    missingPaths: await missing(
      needs.paths.map(({ path }) => path),
      site.hasPath,
    ),
    canRunCpu: comparesCpu ? await site.canRunCpu(cpu, signal) : undefined,
  })
}

/** What was found of a host for what a definition needs. */
export interface Found {
  /** Emulators for its architecture and type, each with the machines that it knows. */
  readonly emulators: readonly { readonly path: string; readonly machines: readonly string[] }[]
  readonly missingBridges: readonly string[]
  readonly missingPaths: readonly string[]
  /** Undefined: nothing to compare. */
  readonly canRunCpu: boolean | undefined
}

/** Pure. */
export function receptionVerdicts(needs: Needs, found: Found): readonly Verdict[] {
  const { emulator, machine } = needs
  const same = found.emulators.find(({ path }) => emulator === undefined || path === emulator)
  const verdicts: Verdict[] = [
    same === undefined
      ? no('emulator', `no ${emulator ?? 'emulator'} for ${needs.type} ${needs.architecture ?? ''} is here`)
      : yes('emulator', same.path),
  ]
  if (same !== undefined && machine !== undefined)
    verdicts.push(
      same.machines.includes(machine)
        ? yes('machine', machine)
        : no('machine', `its emulator here knows no machine ${machine}`),
    )
  if (found.canRunCpu !== undefined)
    verdicts.push(
      found.canRunCpu ? yes('cpu', 'its CPU can run here') : no('cpu', 'its CPU asks for more than this host has'),
    )
  verdicts.push(
    found.missingBridges.length === 0
      ? yes('bridges', needs.bridges.length === 0 ? 'it is on no bridge' : `${needs.bridges.join(', ')} here too`)
      : no('bridges', `no bridge ${found.missingBridges.join(', ')} here`),
    found.missingPaths.length === 0
      ? yes(
          'paths',
          needs.paths.length === 0 ? 'no disk of it is a file or a device' : 'its files and devices are here too',
        )
      : no('paths', `not here: ${found.missingPaths.join(', ')}`),
  )
  return verdicts
}

function emulatorsOf(capabilities: XmlElement, { architecture, type }: Needs): Found['emulators'] {
  return children(capabilities, 'guest').flatMap((guest) => {
    const arch = child(guest, 'arch')
    if (architecture !== undefined && attribute(arch, 'name') !== architecture) return []
    const domains = children(arch, 'domain').filter((domain) => attribute(domain, 'type') === type)
    const common = childText(arch, 'emulator')
    const machines = (element: XmlElement | undefined): string[] =>
      children(element, 'machine').flatMap((machine) => [machine.text, attribute(machine, 'canonical') ?? ''])
    return domains.flatMap((domain) => {
      const path = childText(domain, 'emulator') ?? common
      return path === undefined ? [] : [{ path, machines: [...machines(arch), ...machines(domain)] }]
    })
  })
}

function yes(check: string, says: string): Verdict {
  return { check, ok: true, says }
}

function no(check: string, says: string): Verdict {
  return { check, ok: false, says }
}
