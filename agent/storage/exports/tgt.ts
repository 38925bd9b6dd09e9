import type { ExportRaw } from '../../hypervisor/hypervisor.js'
import { NotExporting, type ExportSource } from './export-source.js'
import { askTgt } from './tgt-socket.js'
import { parseTgtStat, parseTgtTargets, type TgtRow, type TgtTarget } from './tgt-text.js'

/** A daemon that hangs with its storage must not hold up the beat that asks it. */
const deadlineMs = 500
/** Where tgtd listens since 1.0.56, and before. */
const usualSockets = ['/var/run/tgtd/socket.0', '/var/run/tgtd.ipc_abstract_namespace.0']

type Targets = ReadonlyMap<number, TgtTarget>

/** What is behind a row, as it is told of. */
interface Owner extends Pick<ExportRaw, 'arrayKey' | 'lun' | 'session' | 'initiator'> {
  readonly address: string
  readonly backing: string
}

/** What there is changes by hand: while the statistics say nothing of a change, it is asked for so rarely. */
const targetsEveryMs = 10_000

/**
 * iSCSI targets of tgt (tgtd): bytes and requests of each session on each LUN. Which LUN a number stands for is asked after the statistics where these
 * tell of other rows than before, or of less than before, and else every ten seconds: a row of one that changed hands meanwhile is nobody's.
 * @param socket `auto`: where it usually is; or its path
 */
export function tgtSource(socket: string, monotonicMs: () => number): ExportSource {
  const sockets = socket === 'auto' ? usualSockets : [socket]
  let told: { readonly text: Buffer; readonly targets: Targets } | undefined
  let askedMs = -Infinity
  /** As of the last time that all was asked; their owners only as long as they are those of all that is there. */
  let last: { readonly rows: readonly TgtRow[]; readonly owners: readonly (Owner | undefined)[] } | undefined

  async function ask(question: 'targets' | 'statistics'): Promise<Buffer> {
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
    const nowMs = monotonicMs()
    const text = await ask('targets')
    askedMs = nowMs
    if (told?.text.equals(text) !== true)
      told = { text, targets: new Map(parseTgtTargets(text.toString()).map((target) => [target.tid, target])) }
    return told.targets
  }

  return {
    name: 'tgt',
    async read() {
      const before = told?.targets ?? (await askTargets())
      const rows = parseTgtStat(await ask('statistics'))
      const known = last
      // Until all of it was read again.
      last = undefined
      if (known !== undefined && monotonicMs() - askedMs < targetsEveryMs && goesOn(known.rows, rows)) {
        last = { rows, owners: known.owners }
        return rawsOf(rows, known.owners)
      }
      const after = await askTargets()
      const owners = rows.map((row) => ownerOf(row, after))
      last = { rows, owners }
      if (before === after) return rawsOf(rows, owners)
      return rawsOf(
        rows,
        owners.map((owner, index) => (hasChangedHands(rows[index], before, owner) ? undefined : owner)),
      )
    },
  }
}

/** The same rows, none of which tells of less than before. */
function goesOn(before: readonly TgtRow[], now: readonly TgtRow[]): boolean {
  if (before.length !== now.length) return false
  for (let index = 0; index < now.length; index += 1) {
    const [was, is] = [before[index], now[index]]
    if (was === undefined || is === undefined) return false
    if (was.tid !== is.tid || was.lun !== is.lun || was.session !== is.session) return false
    if (is.readBytes < was.readBytes || is.readRequests < was.readRequests) return false
    if (is.writeBytes < was.writeBytes || is.writeRequests < was.writeRequests) return false
  }
  return true
}

function rawsOf(rows: readonly TgtRow[], owners: readonly (Owner | undefined)[]): ExportRaw[] {
  const raws: ExportRaw[] = []
  for (const [index, { readBytes, readRequests, writeBytes, writeRequests, inFlight }] of rows.entries()) {
    const owner = owners[index]
    // What was never used tells nothing.
    if (owner === undefined || readRequests + writeRequests + inFlight === 0) continue
    const { arrayKey, lun, session, initiator, address, backing } = owner
    // Without spreading, which takes several times as long.
    raws.push({
      arrayKey,
      lun,
      session,
      initiator,
      address,
      backing,
      readBytes,
      readRequests,
      writeBytes,
      writeRequests,
      inFlight,
    })
  }
  return raws
}

/** Undefined where one of its parts is not there. LUN 0 is the controller's own: nothing is behind it. */
function ownerOf({ tid, lun, session }: TgtRow, targets: Targets): Owner | undefined {
  const target = targets.get(tid)
  const of = target?.sessions.get(session)
  const backing = target?.backing.get(lun)
  return target === undefined || of === undefined || backing === undefined
    ? undefined
    : { arrayKey: `iscsi:${target.iqn}`, lun: String(lun), session: String(session), backing, ...of }
}

/** A row that is new is its owner's from the first byte on. */
function hasChangedHands(row: TgtRow | undefined, targets: Targets, after: Owner | undefined): boolean {
  const before = row === undefined ? undefined : ownerOf(row, targets)
  return (
    before !== undefined &&
    after !== undefined &&
    (before.arrayKey !== after.arrayKey || before.backing !== after.backing || before.initiator !== after.initiator)
  )
}
