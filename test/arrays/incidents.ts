import { parseArgs } from 'node:util'

import { kinds } from './incident-cases.js'
import { playIncident, type Verdict } from './play-incident.js'

const usage = `Judges who is blamed when a shared array overflows, in simulation, in virtual time.

Usage: npx tsx test/arrays/incidents.ts [--seed 1] [--count 100] [--kind ${kinds.join('|')}] [--details]

Two of three incidents are of kinds that a sort by bytes gets wrong. The last line is JSON.
`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '100' },
    kind: { type: 'string' },
    details: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(usage)
} else {
  const wanted = kinds.filter((kind) => values.kind === undefined || values.kind === kind)
  const verdicts = Array.from({ length: Number(values.count) }, (_, index) => {
    const kind = wanted[index % wanted.length] ?? kinds[0]
    const verdict = playIncident(kind, Number(values.seed) * 1000 + index)
    if (values.details) console.log(inShort(index, verdict))
    return verdict
  })
  for (const kind of wanted)
    say(
      kind,
      verdicts.filter((one) => one.kind === kind),
    )
  for (const level of ['high', 'medium', 'low']) {
    say(
      `confidence ${level}`,
      verdicts.filter(({ culprits }) => culprits.suspects[0]?.confidence === level),
    )
  }
  say(
    'requests timed',
    verdicts.filter(({ timed }) => timed),
  )
  say(
    'not timed',
    verdicts.filter(({ timed }) => !timed),
  )
  say('all', verdicts)
}

function say(what: string, verdicts: readonly Verdict[]): void {
  const mean = (of: (one: Verdict) => number): number =>
    Math.round((1000 * verdicts.reduce((total, one) => total + of(one), 0)) / Math.max(1, verdicts.length)) / 1000
  console.log(
    JSON.stringify({
      what,
      incidents: verdicts.length,
      rightFirst: verdicts.filter(({ isRight }) => isRight).length,
      rightByBytes: verdicts.filter(({ isRightByBytes }) => isRightByBytes).length,
      namedWrong: mean(({ namedWrong }) => namedWrong),
      victimsFound: mean(({ victimsFound }) => victimsFound),
      victimsWrong: mean(({ victimsWrong }) => victimsWrong),
      firstChanged: mean(({ firstChanged }) => firstChanged),
      rightVictims: verdicts.filter((one) => one.victimsFound >= 0.9 && one.victimsWrong <= 0.1).length,
    }),
  )
}

function inShort(
  index: number,
  { kind, isRight, isRightByBytes, victimsFound, victimsWrong, culprits, timed, fillSeconds }: Verdict,
): string {
  const suspects = culprits.suspects
    .slice(0, 3)
    .map(
      ({ members, blame, confidence }) => `${members.map(({ id }) => id).join('+')} ${blame.toFixed(2)} ${confidence}`,
    )
  return [
    index,
    kind,
    isRight ? 'right' : 'WRONG',
    isRightByBytes ? 'bytes right' : 'bytes wrong',
    timed ? 'timed' : 'untimed',
    `fill ${fillSeconds}s`,
    `victims ${victimsFound.toFixed(2)} -${victimsWrong.toFixed(2)}`,
    suspects.join(', '),
  ].join(' | ')
}
