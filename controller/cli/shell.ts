import { Writable } from 'node:stream'

import type { Look } from './render/look.js'

/** What is used of a stream that may be a terminal: `process.stdout` is one. */
export interface Output {
  readonly isTTY: boolean
  readonly columns: number
  readonly rows: number
  readonly writableNeedDrain: boolean
  readonly write: (text: string | Uint8Array) => boolean
  readonly on: (event: 'resize', listener: () => void) => unknown
  readonly off: (event: 'resize', listener: () => void) => unknown
  readonly once: (event: 'drain', listener: () => void) => unknown
}

/** What is used of the keyboard: `process.stdin` is one. */
export interface Input {
  readonly isTTY: boolean
  readonly setRawMode: (raw: boolean) => unknown
  readonly on: (event: 'data' | 'end', listener: (data: Buffer) => void) => unknown
  readonly off: (event: 'data' | 'end', listener: (data: Buffer) => void) => unknown
  readonly resume: () => unknown
  readonly pause: () => unknown
}

/** What this program meets of the world around it. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Pick<Output, 'write' | 'isTTY'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** True where frames can be redrawn in place. */
export function canRedraw({ stdout, env }: Shell): boolean {
  return stdout.isTTY && env['TERM'] !== 'dumb'
}

/** Standard output for large amounts: it waits until whoever reads has taken some. */
export function stdoutStream({ stdout }: Shell): Writable {
  return new Writable({
    write: (chunk: Uint8Array, _encoding, done) => {
      if (stdout.write(chunk)) done()
      else stdout.once('drain', () => done())
    },
  })
}

/** How output is to look on a stream: a pipe or a file has no width and no colours. */
export function lookOf({ env, stdout, now }: Shell, { colour }: { readonly colour: boolean }): Look {
  const plain = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== ''
  return {
    width: stdout.isTTY ? Math.max(20, stdout.columns || 80) : undefined,
    colour: colour && !plain && stdout.isTTY && env['TERM'] !== 'dumb',
    now: now(),
    timeZone: undefined,
  }
}
