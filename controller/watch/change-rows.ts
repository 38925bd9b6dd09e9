import { z } from 'zod'

import { vmEnds, type RecentChanges } from '../model/recent-changes.js'
import { isOnPurpose } from './missing-vms.js'

/** What of the changes outlives the program, as rows by key. What did not change is the same object, so identity tells what to write. */
export function rowsOfChanges({ missing, redefined, reboots }: RecentChanges): ReadonlyMap<string, unknown> {
  const rows = new Map<string, unknown>()
  for (const [uuid, gone] of missing) if (!isOnPurpose(gone)) rows.set(`missing ${uuid}`, gone)
  for (const [uuid, redefinition] of redefined) rows.set(`redefined ${uuid}`, redefinition)
  for (const [hostId, reboot] of reboots) rows.set(`reboot ${hostId}`, reboot)
  return rows
}

const missingRow = z.object({
  uuid: z.string(),
  name: z.string(),
  owner: z.string(),
  group: z.string(),
  service: z.string(),
  hostId: z.string(),
  hostName: z.string(),
  ran: z.boolean(),
  sinceMs: z.number(),
  end: z.enum(vmEnds),
  endAtMs: z.number(),
})
const redefinedRow = z.object({ atMs: z.number(), changes: z.array(z.string()) })
const rebootRow = z.object({ atMs: z.number() })

/** The changes that were kept. @param onDamaged is told the key of a row that cannot be read */
export function changesOfRows(
  rows: Iterable<{ readonly key: string; readonly value: unknown }>,
  onDamaged: (key: string) => void,
): RecentChanges {
  const missing = new Map<string, z.infer<typeof missingRow>>()
  const redefined = new Map<string, z.infer<typeof redefinedRow>>()
  const reboots = new Map<string, z.infer<typeof rebootRow>>()
  for (const { key, value } of rows) {
    const kind = key.slice(0, Math.max(0, key.indexOf(' ')))
    const id = key.slice(kind.length + 1)
    const isRead =
      (kind === 'missing' && put(missing, id, missingRow.safeParse(value))) ||
      (kind === 'redefined' && put(redefined, id, redefinedRow.safeParse(value))) ||
      (kind === 'reboot' && put(reboots, id, rebootRow.safeParse(value)))
    if (!isRead) onDamaged(key)
  }
  return { missing, redefined, reboots, agents: new Map() }
}

function put<Row>(map: Map<string, Row>, id: string, parsed: { readonly data?: Row | undefined }): boolean {
  if (parsed.data === undefined) return false
  map.set(id, parsed.data)
  return true
}
