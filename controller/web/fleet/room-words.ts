import type { CapacityView, LedgerView } from '../../api/views.js'
import { formatSetMemory } from '../format/figures.js'

/** What is said about a host's room beside the number: into the reserve, or how little is missing for one VM more. */
export function roomNote(ledger: LedgerView): { readonly text: string; readonly tone: 'plain' | 'near' | 'over' } {
  if (ledger.memoryBytes === undefined) return { text: 'memory not known', tone: 'plain' }
  if (ledger.room === undefined) return { text: 'memory of a VM not known', tone: 'plain' }
  if (ledger.spareBytes !== undefined && ledger.spareBytes < 0) {
    return { text: `${formatSetMemory(-ledger.spareBytes)} into the reserve`, tone: 'over' }
  }
  const short = ledger.shortOfNextBytes
  if (short === undefined) return { text: '', tone: 'plain' }
  const text = `${formatSetMemory(short)} short of ${ledger.room + 1}`
  return { text, tone: short <= nearMissBytes ? 'near' : 'plain' }
}

/** So little that a smaller reserve or a smaller VM would do. */
const nearMissBytes = 64 * 2 ** 20

const namesShown = 3

/** What the loss of a host would mean, in words. */
export function failureWords(capacity: CapacityView): string {
  const lost = capacity.hosts.filter((host) => !host.failure.fits)
  const [first, ...others] = lost
  if (first === undefined) return 'any one host may fail: its VMs fit on the others'
  if (others.length > 0 && lost.length === capacity.hosts.length) {
    return 'whichever host fails, some of its VMs find no place'
  }
  const shortBytes = first.failure.neededBytes - first.failure.freeBytes
  // Enough may be free and still not fit: in pieces smaller than a VM.
  const words = `if ${first.name} fails, ${shortBytes > 0 ? formatSetMemory(shortBytes) : 'some of its VMs'} find no place`
  if (others.length === 0) return words
  const named = others.slice(0, namesShown).map((host) => host.name)
  const more = others.length > namesShown ? ` and ${others.length - namesShown} more` : ''
  return `${words}; so with ${named.join(', ')}${more}`
}
