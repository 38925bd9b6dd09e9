/** What tgtd tells, and `tgtadm --lld iscsi` prints (tgtadm(8), usr/target.c and usr/iscsi/target.c of tgt). */

export interface TgtTarget {
  readonly tid: number
  readonly iqn: string
  /** Path behind each LUN, by its number; the controller's own LUN 0 has none. */
  readonly backing: ReadonlyMap<number, string>
  readonly sessions: ReadonlyMap<number, { readonly initiator: string; readonly address: string }>
}

/** What one session did to one LUN since it began: what was submitted, and what of it is done. */
export interface TgtRow {
  readonly tid: number
  readonly lun: number
  readonly session: number
  readonly readBytes: number
  readonly readRequests: number
  readonly writeBytes: number
  readonly writeRequests: number
  readonly inFlight: number
}

const mostTargets = 1024
const mostRows = 4096
const space = 0x20
const newline = 0x0a
const digit0 = 0x30

/** `--mode target --op show`: `Target N: IQN`, and beneath it sessions (`I_T nexus: N`) and LUNs. Lines of other kinds say nothing here. */
export function parseTgtTargets(text: string): TgtTarget[] {
  const targets: {
    tid: number
    iqn: string
    backing: Map<number, string>
    sessions: Map<number, { initiator: string; address: string }>
  }[] = []
  let lun = 0
  let session: { initiator: string; address: string } | undefined
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^\s*([A-Z][\w ]*?)(?: (?=\d+: \S)|: )(.*?)\s*$/.exec(line) ?? []
    const target = targets.at(-1)
    if (name === 'Target') {
      const [, tid, iqn] = /^(\d{1,9}): (\S{1,223})$/.exec(value) ?? []
      if (tid === undefined || iqn === undefined)
        throw new Error(`tgtd: expected a target's number and name, got ${quoted(value)}`)
      if (targets.length >= mostTargets) throw new Error(`tgtd: more than ${mostTargets} targets`)
      targets.push({ tid: Number(tid), iqn, backing: new Map(), sessions: new Map() })
      session = undefined
    } else if (target === undefined) continue
    else if (name === 'I_T nexus') {
      session = { initiator: '', address: '' }
      target.sessions.set(Number(value), session)
    } else if (name === 'Initiator' && session !== undefined) {
      session.initiator = value.replace(/ alias: .*$/, '').slice(0, 223)
    } else if (name === 'IP Address' && session !== undefined) session.address ||= value.slice(0, 64)
    else if (name === 'LUN') lun = Number(value)
    else if (name === 'Backing store path' && value !== 'None') target.backing.set(lun, value.slice(0, 256))
  }
  return targets
}

/**
 * `--mode sys --op stat`: after a heading, lines of `tgt lun sid rd_subm(bytes,cmds) rd_done(bytes,cmds) wr_subm(bytes,cmds)
 * wr_done(bytes,cmds) errs`. Read as bytes: each second a line for each LUN and session.
 * @throws if it is something else
 */
export function parseTgtStat(text: Uint8Array): TgtRow[] {
  let end = text.length
  while (end > 0 && (text[end - 1] ?? 0) <= space) end -= 1
  let at = endOfLine(text, 0, end)
  const heading = latin1(text, 0, at)
  if (!/^tgt\s+lun\s+sid\s/.test(heading))
    throw new Error(`tgtd: expected the heading of its statistics, got ${quoted(heading)}`)
  const rows: TgtRow[] = []
  const numbers = new Float64Array(columns)
  while (at < end) {
    if (rows.length >= mostRows) throw new Error(`tgtd: more than ${mostRows} sessions and LUNs`)
    const until = endOfLine(text, at + 1, end)
    if (!readWholeNumbers(numbers, text, at + 1, until))
      throw new Error(`tgtd: expected twelve whole numbers, got ${quoted(latin1(text, at + 1, until))}`)
    rows.push(rowOf(numbers))
    at = until
  }
  return rows
}

const columns = 12

function rowOf(numbers: Float64Array): TgtRow {
  const [tid = 0, lun = 0, session = 0, , readsBegun = 0, readBytes = 0, readRequests = 0] = numbers
  const writesBegun = numbers[8] ?? 0
  const writeRequests = numbers[10] ?? 0
  const inFlight = Math.max(0, readsBegun - readRequests) + Math.max(0, writesBegun - writeRequests)
  return { tid, lun, session, readBytes, readRequests, writeBytes: numbers[9] ?? 0, writeRequests, inFlight }
}

function endOfLine(text: Uint8Array, from: number, end: number): number {
  const found = text.indexOf(newline, from)
  return found === -1 || found > end ? end : found
}

/** Puts those of a line, with blanks between them, into `numbers`. @returns whether there are as many, and nothing else */
function readWholeNumbers(numbers: Float64Array, text: Uint8Array, from: number, until: number): boolean {
  let count = 0
  let number = -1
  for (let at = from; at <= until; at += 1) {
    const code = at < until ? (text[at] ?? 0) : space
    if (code >= digit0 && code < digit0 + 10) number = (number < 0 ? 0 : number * 10) + code - digit0
    else if (code !== space) return false
    else if (number >= 0) {
      if (count === numbers.length || !Number.isSafeInteger(number)) return false
      numbers[count] = number
      count += 1
      number = -1
    }
  }
  return count === numbers.length
}

function latin1(text: Uint8Array, from: number, until: number): string {
  return Buffer.from(text.subarray(from, Math.min(until, from + 200))).toString('latin1')
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
