import { endOf, LocalTool, ToolFailure } from '../../host/local-tool.js'
import type { ExportRaw } from '../../hypervisor/hypervisor.js'
import { NotExporting, type ExportSource } from './export-source.js'
import { parseTgtStat, parseTgtTargets, type TgtTarget } from './tgt-text.js'

export interface TgtOptions {
  /** `auto`: where it usually is; or its path. */
  readonly program: string
  /** tgtd's control socket, where it is not the usual one. */
  readonly socket?: string | undefined
  readonly isRoot: boolean
  readonly monotonicMs: () => number
}

/** A daemon that hangs with its storage must not hold up the beat that asks it. */
const deadlineMs = 500
const mostBytes = 4 * 2 ** 20
/** Which targets, LUNs and sessions there are is asked so often; sooner where the statistics name others. */
const targetsEveryMs = 60_000
const targetsAtSoonestMs = 5000

/** iSCSI targets of tgt (tgtd), by its administrative program: bytes and requests of each session on each LUN. */
export function tgtSource({ program, socket, isRoot, monotonicMs }: TgtOptions): ExportSource {
  const tool = new LocalTool({
    programs: program === 'auto' ? ['/usr/sbin/tgtadm', '/sbin/tgtadm'] : [program],
    deadlineMs,
    mostBytes,
    ...(socket === undefined ? {} : { env: { TGT_IPC_SOCKET: socket } }),
  })
  let targets: ReadonlyMap<number, TgtTarget> = new Map()
  let targetsAtMs = -Infinity

  async function ask(...args: readonly string[]): Promise<string> {
    if (program === 'auto' && !isRoot) await tool.path().then(() => refuse(), missing)
    const answer = await tool
      .run(['--lld', 'iscsi', '--mode', ...args], new AbortController().signal)
      .catch((error: unknown) => missing(error))
    if (answer.status === 0) return answer.stdout
    // "failed to send request hdr to tgt daemon, Transport endpoint is not connected"
    if (/tgt daemon/.test(answer.stderr)) throw new NotExporting('tgtd does not run')
    throw new Error(endOf(answer))
  }

  return {
    name: 'tgt',
    async read() {
      const rows = parseTgtStat(await ask('sys', '--op', 'stat'))
      const isKnown = rows.every(({ tid, session }) => targets.get(tid)?.sessions.has(session) === true)
      const ageMs = monotonicMs() - targetsAtMs
      if (ageMs >= (isKnown ? targetsEveryMs : targetsAtSoonestMs)) {
        targets = new Map(parseTgtTargets(await ask('target', '--op', 'show')).map((target) => [target.tid, target]))
        targetsAtMs = monotonicMs()
      }
      return rows.flatMap((row): ExportRaw[] => {
        const target = targets.get(row.tid)
        const session = target?.sessions.get(row.session)
        const backing = target?.backing.get(row.lun)
        // LUN 0 is the controller's own. What was never used tells nothing.
        if (target === undefined || session === undefined || backing === undefined) return []
        if (row.readRequests + row.writeRequests + row.inFlight === 0) return []
        const { readBytes, readRequests, writeBytes, writeRequests, inFlight } = row
        return [
          {
            arrayKey: `iscsi:${target.iqn}`,
            lun: String(row.lun),
            session: String(row.session),
            ...session,
            backing,
            readBytes,
            readRequests,
            writeBytes,
            writeRequests,
            inFlight,
          },
        ]
      })
    },
  }
}

function missing(error: unknown): never {
  if (error instanceof ToolFailure && error.kind === 'missing') throw new NotExporting('tgtadm is not there')
  throw error
}

function refuse(): never {
  throw new Error('tgtadm works for root only')
}
