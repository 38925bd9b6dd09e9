import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { StringDecoder } from 'node:string_decoder'

import { pause } from '../../common/lifecycle.js'
import type { ExecEntry } from './exec-entry.js'

/** As much of what it says is told; the rest is counted. */
const mostOutputBytes = 49_152
const tellEveryMs = 250
/** Between asking it to end and ending it. */
const graceMs = 5000
const drainMs = 2000

export interface EntryEnd {
  readonly code: number | null
  readonly signal: string | null
  readonly endedFor: 'itself' | 'its time' | 'the caller'
}

/**
 * Runs an entry's program: no shell, a clean environment, nothing to read, a process group of its own that ends with it.
 * @throws Error if it could not be started
 */
export async function runEntry(
  entry: ExecEntry,
  words: readonly string[],
  {
    say,
    signal,
    bytesPerSecond,
  }: {
    readonly say: (text: string) => void
    readonly signal: AbortSignal
    /** It is told that it is to keep to it. */
    readonly bytesPerSecond?: number | undefined
  },
): Promise<EntryEnd> {
  const child = spawn(entry.program, [...words], {
    cwd: '/',
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      LANG: 'C.UTF-8',
      ...(bytesPerSecond !== undefined && { HEADROOM_BYTES_PER_SECOND: String(Math.floor(bytesPerSecond)) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const output = new Output(say)
  child.stdout.on('data', (chunk: Buffer) => output.add('stdout', chunk))
  child.stderr.on('data', (chunk: Buffer) => output.add('stderr', chunk))
  const telling = setInterval(() => output.tell(), tellEveryMs)
  const drained = new AbortController()
  let endedFor: EntryEnd['endedFor'] = 'itself'
  let killing: NodeJS.Timeout | undefined
  const end = (why: EntryEnd['endedFor']): void => {
    if (endedFor !== 'itself') return
    endedFor = why
    signalGroup(child, 'SIGTERM')
    killing = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs)
  }
  const timer = setTimeout(() => end('its time'), entry.timeoutMs)
  const onAbort = (): void => end('the caller')
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    const closed = once(child, 'close', { signal: drained.signal }).catch(() => undefined)
    const exit = await exitOf(child)
    // What it has left running would hold its pipes open.
    signalGroup(child, 'SIGKILL')
    // What it wrote last is in the pipes as yet; who left its group may hold them open.
    await Promise.race([closed, pause(drainMs, drained.signal)])
    output.finish()
    return { ...exit, endedFor }
  } finally {
    drained.abort()
    clearInterval(telling)
    clearTimeout(timer)
    clearTimeout(killing)
    signal.removeEventListener('abort', onAbort)
    child.stdout.destroy()
    child.stderr.destroy()
  }
}

function exitOf(child: ChildProcess): Promise<Pick<EntryEnd, 'code' | 'signal'>> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended.
  }
}

/** Collects what it says, and tells it by lines now and then. */
class Output {
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  #text = ''
  #takenBytes = 0
  #droppedBytes = 0

  constructor(private readonly say: (text: string) => void) {}

  add(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const room = Math.max(0, mostOutputBytes - this.#takenBytes)
    const taken = chunk.subarray(0, room)
    this.#takenBytes += taken.length
    this.#droppedBytes += chunk.length - taken.length
    this.#text += this.#decoders[stream].write(taken)
  }

  tell(): void {
    const end = this.#text.lastIndexOf('\n')
    if (end < 0) return
    this.say(this.#text.slice(0, end))
    this.#text = this.#text.slice(end + 1)
  }

  finish(): void {
    this.tell()
    if (this.#text !== '') this.say(this.#text)
    if (this.#droppedBytes > 0) this.say(`[… ${this.#droppedBytes} bytes more]`)
  }
}
