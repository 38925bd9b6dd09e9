import { createTwoFilesPatch } from 'diff'

import type { PolicyTextView, PolicyVersionView } from '../../api/views.js'
import { clockTime } from './figures.js'
import { line, type Look, span, type Tone } from './look.js'
import { type Column, renderTable } from './table.js'

/** The newest last, beside the prompt. */
export function renderPolicyHistory(versions: readonly PolicyVersionView[], look: Look): string[] {
  return versions.length === 0
    ? ['no versions: the controller has no policy file']
    : renderTable(versions, columns(look), look)
}

function columns({ timeZone }: Look): readonly Column<PolicyVersionView>[] {
  return [
    { head: 'VERSION', align: 'right', drop: 0, cell: ({ number }) => String(number) },
    { head: 'IN FORCE SINCE', drop: 0, cell: ({ at }) => clockTime(at, timeZone) },
    { head: 'FOUND', drop: 4, cell: ({ occasion }) => (occasion === 'start' ? 'at the start' : 'while it ran') },
    { head: 'WRITTEN', drop: 2, cell: ({ modifiedAt }) => clockTime(modifiedAt, timeZone) },
    { head: 'BY', drop: 1, shrinkTo: 8, cell: ({ author }) => author },
    { head: 'HASH', drop: 3, cell: ({ hash }) => hash.slice(0, 12) },
    { head: 'FILE', drop: 5, shrinkTo: 20, cell: ({ file, linkTarget }) => linkTarget ?? file },
  ]
}

/** A version against another as a unified diff; against nothing, all of it is new. */
export function renderPolicyDiff(before: PolicyTextView | undefined, after: PolicyTextView, look: Look): string[] {
  const whole = { ...look, width: undefined }
  const name = (version: PolicyTextView | undefined): string =>
    version === undefined ? '(nothing)' : `version ${version.number}, ${clockTime(version.at, look.timeZone)}`
  const patch = createTwoFilesPatch(name(before), name(after), before?.text ?? '', after.text, '', '', { context: 3 })
  const [, ...lines] = patch.trimEnd().split('\n')
  if (before?.text === after.text)
    return [line([span(`no difference between version ${before.number} and ${after.number}`)], look)]
  return lines.map((text) => line([span(text, toneOf(text))], whole))
}

function toneOf(text: string): Tone {
  if (text.startsWith('+++') || text.startsWith('---')) return 'bold'
  if (text.startsWith('@@')) return 'dim'
  return text.startsWith('+') ? 'good' : text.startsWith('-') ? 'critical' : 'plain'
}
