import type { ChainMark } from '../../common/hash-chain.js'
import type { AuditHead, AuditMark } from '../../proto/gen/headroom/v1/agent.js'
import type { Command } from '../../proto/gen/headroom/v1/command.js'
import type { CommandSpec } from '../commands/command-record.js'
import { commandId } from '../commands/journal.js'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const mostArgs = 16
const longestText = 1024
const longestActor = 200
const mostDefinitionBytes = 65_536
const mark = { logId: /^[0-9a-f]{32}$/, hashBytes: [16, 32] } as const

/** A command as it came, its form checked and nothing else; undefined if it is none. */
export function commandFromWire(wire: Command): CommandSpec | undefined {
  const { id, hostId, verb, vmUuid, actor, dryRun, onlyReport, timeoutMs } = wire
  const startBeforeMs = Number(wire.deadlineMs)
  const args = Object.entries(wire.args)
  const isShort = [hostId, verb, ...args.flat()].every((text) => text.length <= longestText)
  if (!commandId.test(id) || !uuid.test(vmUuid) || !Number.isSafeInteger(startBeforeMs)) return undefined
  if (!isShort || args.length > mostArgs || wire.definition.length > mostDefinitionBytes) return undefined
  const definition = Buffer.from(wire.definition).toString('utf8')
  return {
    id,
    hostId,
    verb,
    vmUuid,
    args: Object.fromEntries(args),
    startBeforeMs,
    timeoutMs,
    actor: actor.slice(0, longestActor),
    dryRun,
    onlyReport,
    ...(definition !== '' && { definition }),
  }
}

/** What an audit head says; what is no mark is left out. */
export function auditMarksFromWire({ again, seen, ...head }: AuditHead): {
  readonly head: ChainMark | undefined
  readonly again: ChainMark | undefined
  readonly seen: ChainMark | undefined
} {
  return { head: markFromWire(head), again: again && markFromWire(again), seen: seen && markFromWire(seen) }
}

function markFromWire({ logId, entries: count, hash }: AuditMark): ChainMark | undefined {
  const entries = Number(count)
  const isMark =
    mark.logId.test(logId) &&
    Number.isSafeInteger(entries) &&
    entries >= 0 &&
    mark.hashBytes.some((bytes) => bytes === hash.length)
  return isMark ? { logId, entries, hash: Buffer.from(hash).toString('hex') } : undefined
}
