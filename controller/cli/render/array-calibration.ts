import { formatBytes, formatRate } from '../../../common/units.js'
import type { ArrayView } from '../../api/views.js'
import { line, type Look, paragraph, span } from './look.js'

/** What to run on one of these hosts, once. */
export interface CalibrationHint {
  readonly array: string
  readonly hosts: readonly string[]
  /** With a file on the array; and with a volume of its own. */
  readonly commands: readonly string[]
}

const leastScratchBytes = 2 * 2 ** 30

export function calibrationHint({ key, hosts, cache }: ArrayView): CalibrationHint {
  const likely = cache?.capacityBytes?.basis === 'assumed' ? 0 : (cache?.capacityBytes?.likely ?? 0)
  // Twice what it may hold, or what would be written over is in the cache still.
  const gibibytes = Math.ceil(Math.max(leastScratchBytes, 2.5 * likely) / 2 ** 30)
  const array = `--array ${quoted(key)}`
  return {
    array: key,
    hosts,
    commands: [
      `headroom-agent calibrate ${array} --size ${gibibytes}GiB --file /MOUNT-OF-THE-ARRAY/headroom-calibrate --dry-run`,
      `headroom-agent calibrate ${array} --device /dev/VG-ON-THE-ARRAY/headroom-calibrate --dry-run`,
    ],
  }
}

export function renderCalibrationHint(array: ArrayView, look: Look): string[] {
  const { hosts, commands } = calibrationHint(array)
  const { cache } = array
  const known =
    cache?.capacityBytes === undefined || cache.capacityBytes.basis === 'assumed'
      ? 'Nothing is known of its write cache yet.'
      : `Known of its write cache: ${formatBytes(cache.capacityBytes.likely)} (${cache.capacityBytes.basis}), drains ${formatRate(cache.drainBytesPerSecond.likely)} (${cache.drainBytesPerSecond.basis}).`
  const where =
    hosts.length === 0
      ? 'No host with an agent is known to reach it.'
      : `As root on one of its hosts (${hosts.join(', ')}), at a quiet time, with a file on it or a volume of its own:`
  return [
    line([span(array.name, 'bold'), span(` – ${array.kind}, ${array.key}`)], look),
    '',
    ...paragraph(known, look),
    ...paragraph(where, look),
    ...(hosts.length === 0 ? [] : commands.map((command) => `  ${command}`)),
    ...paragraph(howItGoes, look),
  ]
}

const howItGoes =
  'It fills the cache and stops when writes become slow, some times over; small writes beside it watch over the neighbours. ' +
  'Without --dry-run it does so; the result is here within a minute. A volume must be empty, a file must not be there yet.'

/** For a shell: keys have colons and dots, names of volume groups nothing worse. */
function quoted(text: string): string {
  return /^[\w:.,@/+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
