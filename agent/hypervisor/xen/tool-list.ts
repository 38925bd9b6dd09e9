import type { VmState } from '../hypervisor.js'
import { malformed } from './xen-tools.js'

/** A line of `xl list` or `xm list`. */
export interface ListedRow {
  /** Undefined for a domain that has none yet, or no longer. */
  readonly name: string | undefined
  /** Undefined for a domain that is off: xm lists those that it keeps the definition of. */
  readonly id: number | undefined
  /** Whole MiB. */
  readonly memoryBytes: number
  readonly vcpus: number
  readonly state: VmState
  /** Tenths of a second. */
  readonly cpuSeconds: number
}

const mostRows = 16_384
/** Of which most may be blank, or come before the header. */
const mostLines = 2 * mostRows
const longestLine = 4096

/**
 * From the right: a name may hold anything, blanks and digits too. The letters in the order of their places: running,
 * blocked, paused, shut down, why (newer xl: reboot, suspend, crash, watchdog, soft reset; else c for a crash), dying.
 */
const ofLive = /\s(\d{1,5})\s+(\d{1,9})\s+(\d{1,5})\s+([r-][b-][p-][s-][rscwS?-][d-])\s+(\d{1,10}(?:\.\d{1,3})?)\s*$/
/** No id, no state. */
const ofOff = /\s(\d{1,9})\s+(\d{1,5})\s+(\d{1,10}(?:\.\d{1,3})?)\s*$/

/** @throws XenToolError */
export function parseToolList(text: string): readonly ListedRow[] {
  const lines = text.split('\n', mostLines)
  if (lines.length === mostLines) throw malformed('list', `line ${mostLines}`, 'an end before', lines.at(-1) ?? '')
  // xm is a script in Python, which may warn of something first.
  const header = lines.findIndex((line) => /^Name\s+ID\s/.test(line))
  if (header < 0) throw malformed('list', 'header', 'Name, ID, Mem, VCPUs, State, Time(s)', lines[0] ?? '')
  const rows: ListedRow[] = []
  for (const [index, line] of lines.entries()) {
    if (index <= header || line.trim() === '') continue
    if (rows.length === mostRows) throw malformed('list', `line ${index + 1}`, `${mostRows} domains at most`, line)
    rows.push(parseRow(line, index + 1))
  }
  return rows
}

function parseRow(line: string, number: number): ListedRow {
  const short = line.length > longestLine ? '' : line
  const live = ofLive.exec(short)
  const match = live ?? ofOff.exec(short)
  if (match === null) throw malformed('list', `line ${number}`, 'name, id, MiB, CPUs, state, seconds', line)
  const name = line.slice(0, match.index).trimEnd()
  const [id, mebibytes, vcpus, letters, seconds] =
    live === null ? [undefined, match[1], match[2], undefined, match[3]] : match.slice(1)
  return {
    name: name === '' || name === '(null)' ? undefined : name,
    id: id === undefined ? undefined : Number(id),
    memoryBytes: Number(mebibytes) * 2 ** 20,
    vcpus: Number(vcpus),
    state: letters === undefined ? 'shutoff' : stateOf(letters),
    cpuSeconds: Number(seconds),
  }
}

/**
 * As libvirt names states. Its Xen driver calls a domain `running` whether its CPUs have work (r), wait for some (b), or wait
 * for a turn (no letter); one that is dying (d) is off, and its memory is being taken back.
 */
function stateOf(letters: string): VmState {
  const has = (place: number): boolean => letters.charAt(place) !== '-'
  if (has(5)) return 'shutoff'
  if (letters.charAt(4) === 'c') return 'crashed'
  if (has(3)) return 'shutting-down'
  return has(2) ? 'paused' : 'running'
}
