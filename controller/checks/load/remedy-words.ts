import { formatDuration, formatRate } from '../../../common/units.js'
import type { Remedy } from '../../arrays/remedies.js'
import type { Interval } from '../../model/array-condition.js'
import { inTime, named } from '../in-words.js'

/** One remedy as a proposal to a person. */
export function remedyWords(remedy: Remedy): string {
  switch (remedy.action) {
    case 'limit':
      return `limit ${remedy.of.name} to ${limitWords(remedy)} for ${formatDuration(remedy.forSeconds * 1000)}`
    case 'pause':
      return `pause ${remedy.of.name}`
    case 'move-disk':
      return `move the disk of ${remedy.of.name} to another array: moving the VM to another host does not help the array`
    case 'stop-on-host':
      return `stop what works on ${remedy.of.name}${remedy.processes.length === 0 ? '' : ` (${named(remedy.processes)})`}`
    case 'wait':
      return remedy.from === 'now'
        ? `wait: it has drained in ${inSeconds(remedy.seconds)}`
        : `wait: it has drained ${inSeconds(remedy.seconds)} after they stop`
    case 'one-at-a-time':
      return 'let bulk copies run one at a time'
    case 'look-at-box':
      return 'look at the box'
    case 'look-at-battery':
      return 'look at the battery of its cache'
  }
}

/** What of them fits into a message: the disks of several are moved in one sentence. */
export function remediesWords(all: readonly Remedy[]): string {
  const ofDisks = all.flatMap((one) => (one.action === 'move-disk' ? [one.of.name] : []))
  const others = all.filter(({ action }) => action !== 'move-disk').map(remedyWords)
  const moves =
    ofDisks.length === 0
      ? []
      : [`move the disk of ${named(ofDisks)}: moving the VM to another host does not help the array`]
  return [...others, ...moves].join(', or ')
}

function limitWords({ writeBytesPerSecond, requestsPerSecond }: Extract<Remedy, { action: 'limit' }>): string {
  return requestsPerSecond === undefined
    ? formatRate(writeBytesPerSecond ?? 0)
    : `${Math.round(requestsPerSecond)} requests/s`
}

/** `about 4 s (3 s to 6 s)`. */
export function inSeconds({ low, likely, high }: Interval): string {
  const text = (value: number): string => inTime(Math.max(1, Math.round(value)) * 1000)
  return text(low) === text(high) ? `about ${text(likely)}` : `about ${text(likely)} (${text(low)} to ${text(high)})`
}
