import { pause } from '../../common/lifecycle.js'
import { CliError } from './cli-error.js'
import { LiveScreen } from './live-screen.js'
import { line, type Look, span } from './render/look.js'
import { canRedraw, type Shell } from './shell.js'

/** Something that is fetched and shown again and again. */
export interface LiveView<Data> {
  readonly intervalMs: number
  readonly fetch: (signal: AbortSignal) => Promise<Data>
  readonly render: (data: Data, look: Look) => readonly string[]
  /** True: the key means something; fetch at once. */
  readonly onKey?: (key: string) => boolean
}

const endKeys: ReadonlySet<string> = new Set(['q', '\u0003'])
const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Shows a view until Ctrl-C, `q` or a signal: in place on a terminal, one below the other elsewhere. A failed round is not retried sooner:
 * the last figures stay, with a line that says so, until the next. Fails like `fetch` when the first round fails,
 * or a later one with more than an unreachable controller.
 */
export async function runLive<Data>(view: LiveView<Data>, look: () => Look, shell: Shell): Promise<void> {
  const end = new AbortController()
  let round = new AbortController()
  let shown: { readonly data: Data; readonly at: number } | undefined
  let problem: string | undefined
  const stop = () => {
    end.abort()
    round.abort()
  }
  const draw = () => {
    if (shown === undefined) return
    const now = look()
    const lines = [...view.render(shown.data, now)]
    if (problem !== undefined) {
      const age = Math.round((now.now - shown.at) / 1000)
      lines.splice(1, 0, line([span(`figures of ${age} s ago: ${problem}`, 'critical')], now))
    }
    if (screen === undefined) shell.stdout.write(`${lines.join('\n')}\n\n`)
    else screen.draw(lines)
  }
  const onKey = (key: string) => {
    if (endKeys.has(key)) stop()
    else if (view.onKey?.(key) === true) round.abort()
  }
  const screen = canRedraw(shell) ? new LiveScreen(shell, onKey, draw) : undefined
  for (const name of endSignals) process.on(name, stop)
  try {
    while (!end.signal.aborted) {
      round = new AbortController()
      const startedAt = shell.now()
      try {
        shown = { data: await view.fetch(round.signal), at: shell.now() }
        problem = undefined
      } catch (error) {
        if (round.signal.aborted) continue
        if (shown === undefined || !(error instanceof CliError) || error.reason !== 'unreachable') throw error
        problem = error.message
      }
      screen?.open()
      draw()
      await pause(Math.max(100, view.intervalMs - (shell.now() - startedAt)), round.signal)
    }
  } finally {
    for (const name of endSignals) process.off(name, stop)
    screen?.close()
  }
}
