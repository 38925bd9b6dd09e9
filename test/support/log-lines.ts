import { Writable } from 'node:stream'

import { pino } from 'pino'

import type { Log } from '../../common/log.js'

/** A log that is kept, as the objects that its lines are. */
export function collectedLog(): { readonly log: Log; readonly lines: readonly Readonly<Record<string, unknown>>[] } {
  const lines: Record<string, unknown>[] = []
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()))
      done()
    },
  })
  return { log: pino({ level: 'info' }, sink), lines }
}
