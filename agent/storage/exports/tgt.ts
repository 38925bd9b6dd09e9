import type { ExportRaw } from '../../hypervisor/hypervisor.js'
import { NotExporting, type ExportSource } from './export-source.js'
import { askTgt } from './tgt-socket.js'
import { parseTgtStat, parseTgtTargets, type TgtRow, type TgtTarget } from './tgt-text.js'

/** A daemon that hangs with its storage must not hold up the beat that asks it. */
const deadlineMs = 500
/** Where tgtd listens since 1.0.56, and before. */
const usualSockets = ['/var/run/tgtd/socket.0', '/var/run/tgtd.ipc_abstract_namespace.0']

type Targets = ReadonlyMap<number, TgtTarget>

/** What is behind a row. */
interface Owner {
  readonly iqn: string
  readonly backing: string
  readonly initiator: string
  readonly address: string
}

/**
 * iSCSI targets of tgt (tgtd): bytes and requests of each session on each LUN. Which LUN a number stands for is asked before and
 * after the statistics: a row of one that changed hands meanwhile is nobody's.
 * @param socket `auto`: where it usually is; or its path
 */
export function tgtSource(socket: string): ExportSource {
  const sockets = socket === 'auto' ? usualSockets : [socket]
  let told: { readonly text: string; readonly targets: Targets } | undefined

  async function ask(question: 'targets' | 'statistics'): Promise<string> {
    for (const path of sockets) {
      try {
        return await askTgt(path, question, deadlineMs)
      } catch (error) {
        if (!(error instanceof NotExporting)) throw error
      }
    }
    throw new NotExporting('tgtd does not run')
  }

  /** Parsed only if it says something else than the last time. */
  async function askTargets(): Promise<Targets> {
    const text = await ask('targets')
    if (text !== told?.text)
      told = { text, targets: new Map(parseTgtTargets(text).map((target) => [target.tid, target])) }
    return told.targets
  }

  return {
    name: 'tgt',
    async read() {
      const before = told?.targets ?? (await askTargets())
      const rows = parseTgtStat(await ask('statistics'))
      const after = await askTargets()
      return rows.flatMap((row) => rawOf(row, before, after))
    },
  }
}

function rawOf(row: TgtRow, before: Targets, after: Targets): ExportRaw[] {
  const owner = ownerOf(row, after)
  // What was never used tells nothing.
  if (owner === undefined || row.readRequests + row.writeRequests + row.inFlight === 0) return []
  if (before !== after && hasChangedHands(ownerOf(row, before), owner)) return []
  const { readBytes, readRequests, writeBytes, writeRequests, inFlight } = row
  const { iqn, initiator, address, backing } = owner
  const [lun, session] = [String(row.lun), String(row.session)]
  const counted = { readBytes, readRequests, writeBytes, writeRequests, inFlight }
  return [{ arrayKey: `iscsi:${iqn}`, lun, session, initiator, address, backing, ...counted }]
}

/** Undefined where one of its parts is not there. LUN 0 is the controller's own: nothing is behind it. */
function ownerOf({ tid, lun, session }: TgtRow, targets: Targets): Owner | undefined {
  const target = targets.get(tid)
  const of = target?.sessions.get(session)
  const backing = target?.backing.get(lun)
  return target === undefined || of === undefined || backing === undefined
    ? undefined
    : { iqn: target.iqn, backing, ...of }
}

/** A row that is new is its owner's from the first byte on. */
function hasChangedHands(before: Owner | undefined, after: Owner): boolean {
  return (
    before !== undefined &&
    (before.iqn !== after.iqn || before.backing !== after.backing || before.initiator !== after.initiator)
  )
}
