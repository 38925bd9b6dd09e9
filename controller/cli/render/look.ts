import { neutralise } from '../../../common/neutralise.js'
import { displayWidth, truncate, wrap } from './plain-text.js'

/** How output is to look. */
export interface Look {
  /** Columns of the terminal; undefined: no limit (a pipe or a file). */
  readonly width: number | undefined
  readonly colour: boolean
  /** The moment from which ages are counted, milliseconds since the epoch. */
  readonly now: number
  /** IANA name; undefined: that of this machine. */
  readonly timeZone: string | undefined
}

export type Tone = 'plain' | 'bold' | 'dim' | 'good' | 'warning' | 'critical' | 'reverse'

export interface Span {
  readonly text: string
  readonly tone: Tone
}

const codes: Readonly<Record<Exclude<Tone, 'plain'>, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  good: [32, 39],
  warning: [33, 39],
  critical: [31, 39],
  reverse: [7, 27],
}

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text, tone }
}

/** A text in a tone, made safe. Everything that reaches a terminal goes through here. */
export function paint({ text, tone }: Span, { colour }: Pick<Look, 'colour'>): string {
  const safe = neutralise(text)
  if (!colour || tone === 'plain' || safe === '') return safe
  const [on, off] = codes[tone]
  return `\u001b[${on}m${safe}\u001b[${off}m`
}

/** One line of spans, cut at the width of the terminal. */
export function line(spans: readonly Span[], look: Look): string {
  let left = look.width ?? Number.POSITIVE_INFINITY
  let text = ''
  for (const { text: raw, tone } of spans) {
    const cut = truncate(neutralise(raw), left)
    left -= displayWidth(cut)
    text += paint({ text: cut, tone }, look)
    if (left <= 0) break
  }
  return text
}

/** A text wrapped to the width of the terminal. */
export function paragraph(text: string, look: Look, tone: Tone = 'plain'): string[] {
  return wrap(neutralise(text), look.width ?? Number.POSITIVE_INFINITY).map((one) => paint({ text: one, tone }, look))
}
