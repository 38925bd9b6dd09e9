import type { MachineFiles } from '../../host/machine-files.js'
import { MalformedFile } from '../../host/proc-text.js'
import type { HostRoots } from '../../host/roots.js'
import { isAbsent } from '../../host/text-reader.js'
import type { MdArrayRaw } from './health-raw.js'
import { NotHere, type HealthCollector } from './storage-health.js'

const file = '/proc/mdstat'
const mostArrays = 256
const mostMembers = 256
const kibibyte = 1024

/** Arrays of Linux md, by /proc/mdstat and, where they are told, by their files in sysfs (Documentation/admin-guide/md.rst of the kernel). */
export function mdCollector(roots: Pick<HostRoots, 'procRoot' | 'sysRoot'>, files: MachineFiles): HealthCollector {
  return {
    name: 'md',
    async unavailable() {
      return undefined
    },
    async collect() {
      const text = files.readIfThere(`${roots.procRoot}/mdstat`)
      if (text === undefined) {
        if (blockDevices(roots, files).some((name) => /^md\d/.test(name))) {
          throw new Error('md devices are there, /proc/mdstat is not: headroom-reader of this host is an older one')
        }
        throw new NotHere('this kernel has no md')
      }
      return { md: parseMdstat(text).map((array) => withSysfs(array, roots, files)) }
    },
  }
}

function blockDevices({ sysRoot }: Pick<HostRoots, 'sysRoot'>, files: MachineFiles): readonly string[] {
  try {
    return files.names(`${sysRoot}/block`)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

/** sysfs has words for what /proc/mdstat tells by leaving out: a stripe that lost a member, a repair that looks like a resync. */
function withSysfs(array: MdArrayRaw, { sysRoot }: Pick<HostRoots, 'sysRoot'>, files: MachineFiles): MdArrayRaw {
  const directory = `${sysRoot}/block/${array.device}/md`
  const state = files.readIfThere(`${directory}/array_state`)?.trim()
  const action = files.readIfThere(`${directory}/sync_action`)?.trim()
  return {
    ...array,
    ...(state === 'broken' || state === 'suspended' ? { state } : {}),
    ...(array.syncAction !== undefined &&
    action !== undefined &&
    /^(?:resync|recover|check|repair|reshape)$/.test(action)
      ? { syncAction: action }
      : {}),
  }
}

/**
 * `/proc/mdstat`: an array is a line that begins with its name, and the indented lines below it.
 * @throws MalformedFile
 */
export function parseMdstat(text: string): MdArrayRaw[] {
  const arrays: MdArrayRaw[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const last = arrays.at(-1)
    if (line.trim() === '' || /^(?:Personalities|unused devices|read_ahead)\b/.test(line)) continue
    if (/^\s/.test(line) && last !== undefined) arrays[arrays.length - 1] = { ...last, ...detailOf(line, last) }
    else if (arrays.length >= mostArrays)
      throw new MalformedFile(file, index + 1, `no more than ${mostArrays} arrays`, line)
    else arrays.push(headOf(line, index + 1))
  }
  return arrays
}

/** `md0 : active (auto-read-only) raid1 sdb1[1](F) sda1[0]`, `md127 : inactive sdc1[0](S)`. */
function headOf(line: string, number: number): MdArrayRaw {
  const [, device, state, mode, rest] =
    /^(md[\w.-]{1,60}) : (active|inactive|broken)(?: ?\(((?:auto-)?read-only)\))?((?: \S+)*)\s*$/.exec(line) ?? []
  if (device === undefined || state === undefined || rest === undefined) {
    throw new MalformedFile(file, number, 'name, state, level and members of an array', line)
  }
  const words = rest.split(' ').filter((word) => word !== '')
  const level = words[0] !== undefined && !words[0].includes('[') ? words.shift() : undefined
  return {
    device,
    level: level ?? '',
    state: mode ?? state,
    members: words.slice(0, mostMembers).map((word) => memberOf(word, line, number)),
    syncPending: false,
  }
}

const flags: Readonly<Record<string, string>> = { F: 'faulty', S: 'spare', J: 'journal', R: 'replacement' }

function memberOf(word: string, line: string, number: number): MdArrayRaw['members'][number] {
  const [, device, marks] = /^([^[\s]{1,128})\[\d+\]((?:\([A-Z]\))*)$/.exec(word) ?? []
  if (device === undefined || marks === undefined)
    throw new MalformedFile(file, number, 'members such as sda1[0]', line)
  const state = [...marks.matchAll(/\((.)\)/g)]
    .map(([, mark]) => flags[mark ?? ''])
    .find((found) => found !== undefined)
  return { device, state: state ?? 'active' }
}

/** What an indented line says. Of those that say nothing of health, such as that of the bitmap, nothing. */
function detailOf(line: string, array: MdArrayRaw): Partial<MdArrayRaw> {
  const blocks = /^\s+(\d{1,15}) blocks\b/.exec(line)?.[1]
  if (blocks !== undefined) {
    // It has members of its own to tell of the data: what holds only metadata is always inactive.
    const isContainer = array.level === '' && /\bsuper external:(?!\/)/.test(line)
    const counted = /\[(\d{1,4})\/(\d{1,4})\]/.exec(line)
    return {
      sizeBytes: Number(blocks) * kibibyte,
      ...(isContainer ? { level: 'container' } : {}),
      ...(counted === null ? {} : { devices: Number(counted[1]), inSyncDevices: Number(counted[2]) }),
    }
  }
  const waiting = /^\s+(\w+)=(?:DELAYED|PENDING|REMOTE)\b/.exec(line)?.[1]
  if (waiting !== undefined) return { syncAction: wordOf(waiting), syncPending: true }
  const running = /\b(resync|recovery|check|reshape)\s*=\s*(\d{1,3}(?:\.\d+)?)%/.exec(line)
  if (running === null) return {}
  const speed = /\bspeed=(\d{1,12})K\/sec/.exec(line)?.[1]
  return {
    syncAction: wordOf(running[1] ?? ''),
    syncFraction: Math.min(1, Number(running[2]) / 100),
    ...(speed === undefined ? {} : { syncBytesPerSecond: Number(speed) * kibibyte }),
  }
}

/** As sysfs calls it. */
function wordOf(action: string): string {
  return action === 'recovery' ? 'recover' : action
}
