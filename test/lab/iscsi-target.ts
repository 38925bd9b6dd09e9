import { setTimeout as delay } from 'node:timers/promises'

import { runProgram } from './run-program.js'

/** What one session did to one LUN since it began. The row goes when the session does. */
export interface LunSession {
  readonly tid: number
  readonly lun: number
  readonly session: number
  readonly readBytes: number
  readonly readCommands: number
  readonly writeBytes: number
  readonly writeCommands: number
  readonly errors: number
}

/** What the target offers. */
export interface Lun {
  readonly iqn: string
  readonly lun: number
  /** The file behind it. */
  readonly file: string
}

/** The lab's tgtd, by its control socket. */
export class IscsiTarget {
  constructor(private readonly socket: string) {}

  /** Where tgtd listens: its number is put behind what programs are given. */
  get socketFile(): string {
    return `${this.socket}.0`
  }

  /** Waits until tgtd answers. */
  async ready(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      try {
        await this.#admin('--mode', 'sys', '--op', 'show')
        return
      } catch (error) {
        if (performance.now() > deadline) throw new Error('tgtd does not answer', { cause: error })
        await delay(50)
      }
    }
  }

  async addTarget(tid: number, iqn: string): Promise<void> {
    await this.#admin('--mode', 'target', '--op', 'new', '--tid', String(tid), '--targetname', iqn)
    await this.#admin('--mode', 'target', '--op', 'bind', '--tid', String(tid), '--initiator-address', 'ALL')
  }

  async addLun(tid: number, lun: number, file: string): Promise<void> {
    const place = ['--tid', String(tid), '--lun', String(lun), '--backing-store', file]
    await this.#admin('--mode', 'logicalunit', '--op', 'new', ...place)
  }

  async removeLun(tid: number, lun: number): Promise<void> {
    await this.#admin('--mode', 'logicalunit', '--op', 'delete', '--tid', String(tid), '--lun', String(lun))
  }

  async luns(): Promise<Lun[]> {
    return parseTargets(await this.#admin('--mode', 'target', '--op', 'show'))
  }

  /** Who holds the sessions that are open now: the address of the initiator, by target and session. */
  async initiators(): Promise<ReadonlyMap<string, string>> {
    return parseInitiators(await this.#admin('--mode', 'target', '--op', 'show'))
  }

  /** Finished requests of all sessions that are open now. */
  async sessions(): Promise<LunSession[]> {
    return parseStat(await this.#admin('--mode', 'sys', '--op', 'stat'))
  }

  #admin(...args: string[]): Promise<string> {
    const env = { ...process.env, TGT_IPC_SOCKET: this.socket }
    return runProgram('tgtadm', ['--lld', 'iscsi', ...args], { env, timeoutMs: 10_000 })
  }
}

/** `Target N: IQN`, and beneath it `LUN: N` with `Backing store path: FILE`; LUN 0 is the controller's own and has none. */
export function parseTargets(text: string): Lun[] {
  let [iqn, lun] = ['', 0]
  return text.split('\n').flatMap((line) => {
    const [, name, value = ''] = /^\s*(Target \d+|LUN|Backing store path): (.+?)\s*$/.exec(line) ?? []
    if (name?.startsWith('Target') === true) iqn = value
    else if (name === 'LUN') lun = Number(value)
    else if (name !== undefined && value !== 'None') return [{ iqn, lun, file: value }]
    return []
  })
}

/** `Target N: IQN`, beneath it `I_T nexus: N` for each session, and beneath that `IP Address: A`. Keys are `TARGET SESSION`. */
export function parseInitiators(text: string): ReadonlyMap<string, string> {
  const addresses = new Map<string, string>()
  let [target, session] = ['', '']
  for (const line of text.split('\n')) {
    target = /^Target (\d+):/.exec(line)?.[1] ?? target
    session = /^\s+I_T nexus: (\d+)/.exec(line)?.[1] ?? session
    const address = /^\s+IP Address: (\S+)/.exec(line)?.[1]
    if (address !== undefined) addresses.set(`${target} ${session}`, address)
  }
  return addresses
}

/** `tgt lun sid rd_subm(bytes,cmds) rd_done(bytes,cmds) wr_subm(bytes,cmds) wr_done(bytes,cmds) errs`, after a heading. */
export function parseStat(text: string): LunSession[] {
  return text.split('\n').flatMap((line) => {
    const numbers = line.trim().split(/\s+/).map(Number)
    if (numbers.length !== 12 || numbers.some((number) => !Number.isSafeInteger(number))) return []
    const [tid = 0, lun = 0, session = 0, , , readBytes = 0, readCommands = 0, , , writeBytes = 0, writeCommands = 0] =
      numbers
    return [{ tid, lun, session, readBytes, readCommands, writeBytes, writeCommands, errors: numbers[11] ?? 0 }]
  })
}

/**
 * Adds up sessions that come and go, as they do in migrations: what a session did between the last look at it and its end
 * is not in it.
 */
export class LunTotals {
  readonly #rows = new Map<string, LunSession>()

  add(rows: readonly LunSession[]): void {
    for (const row of rows) this.#rows.set(`${row.tid} ${row.lun} ${row.session}`, row)
  }

  writeBytes(tid: number, lun: number): number {
    let bytes = 0
    for (const row of this.#rows.values()) if (row.tid === tid && row.lun === lun) bytes += row.writeBytes
    return bytes
  }
}
