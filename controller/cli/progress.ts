import type { Shell } from './shell.js'

export interface Progress {
  /** @param share of the whole, 0 to 1; unknown if absent */
  readonly show: (what: string, share?: number) => void
  /** Takes the line away. */
  readonly end: () => void
}

const width = 24
const everyMs = 100

/** A bar on a line of its own that is drawn again and again, on stderr of a terminal; nothing anywhere else. */
export function progressLine(shell: Shell): Progress {
  if (!shell.stderr.isTTY || shell.env['TERM'] === 'dumb') return { show: () => undefined, end: () => undefined }
  let drawnAt = -Infinity
  let isDrawn = false
  return {
    show: (what, share) => {
      if (shell.now() - drawnAt < everyMs) return
      drawnAt = shell.now()
      isDrawn = true
      shell.stderr.write(`\r\u001b[2K${what}${share === undefined ? '' : ` ${barOf(share)}`}`)
    },
    end: () => {
      if (isDrawn) shell.stderr.write('\r\u001b[2K')
      isDrawn = false
    },
  }
}

function barOf(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${Math.floor(share * 100)} %`
}
