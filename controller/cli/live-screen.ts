import { stripVTControlCharacters } from 'node:util'

import { displayWidth } from './render/plain-text.js'
import type { Shell } from './shell.js'

const escape = '\u001b['
const enter = `${escape}?1049h${escape}?25l${escape}?7l`
const leave = `${escape}?7h${escape}?25h${escape}?1049l`
/** Terminals that know it show what stands between as one picture; the others ignore it. */
const begin = `${escape}?2026h`
const end = `${escape}?2026l`

/** The bytes that replace what a terminal of that size shows, without clearing it first: no flicker. */
export function frame(
  lines: readonly string[],
  { rows, columns }: { readonly rows: number; readonly columns: number },
): string {
  const more = lines.length - rows
  const shown = more <= 0 ? lines : [...lines.slice(0, rows - 1), `… ${more + 1} more lines`]
  const drawn = shown.map((text) => {
    // After a full line the cursor still stands on its last column: erasing there would take that column.
    const full = displayWidth(stripVTControlCharacters(text)) >= columns
    return full ? text : `${text}${escape}K`
  })
  return `${begin}${escape}H${drawn.join('\r\n')}${more < 0 ? `\r\n${escape}J` : ''}${end}`
}

/** The terminal's second screen while something is watched. The first comes back as it was, however this ends. */
export class LiveScreen {
  #open = false
  readonly #onExit = () => this.close()
  readonly #onData = (data: Buffer) => {
    for (const key of data.toString('utf8')) this.onKey(key)
  }

  /** `onKey` gets every key as it is pressed, Ctrl-C as `\u0003`. */
  constructor(
    private readonly shell: Shell,
    private readonly onKey: (key: string) => void,
    private readonly onResize: () => void,
  ) {}

  open(): void {
    if (this.#open) return
    this.#open = true
    const { stdin, stdout } = this.shell
    process.once('exit', this.#onExit)
    stdout.write(enter)
    stdout.on('resize', this.onResize)
    if (stdin.isTTY) {
      stdin.setRawMode(true)
      stdin.on('data', this.#onData)
      stdin.resume()
    }
  }

  draw(lines: readonly string[]): void {
    const { stdout } = this.shell
    // A terminal that takes no more gets no frame: the next one says it all.
    if (!this.#open || stdout.writableNeedDrain) return
    stdout.write(frame(lines, { rows: Math.max(2, stdout.rows || 24), columns: stdout.columns || 80 }))
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    const { stdin, stdout } = this.shell
    process.off('exit', this.#onExit)
    stdout.off('resize', this.onResize)
    if (stdin.isTTY) {
      stdin.off('data', this.#onData)
      stdin.setRawMode(false)
      stdin.pause()
    }
    stdout.write(leave)
  }
}
