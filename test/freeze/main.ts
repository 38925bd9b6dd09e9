import { parseArgs } from 'node:util'

import { april2011, playFreeze, type Played } from './play.js'

const usage = `Plays the requests of April 2011 (two bulk copies and a file-system check on the elab's one array) twice in virtual time: begun when they are
asked for, and one after the other by the admission of bulk programs.

Usage: npm run freeze -- [--seed 1] [--seconds 900]

The last line is JSON.
`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '900' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) console.log(usage)
else {
  const how = { seconds: Number(values.seconds), seed: Number(values.seed) }
  const at = playFreeze(april2011, { ...how, admission: false })
  const by = playFreeze(april2011, { ...how, admission: true })
  const row = (what: string, of: (one: Played) => string): void =>
    console.log(`${what.padEnd(34)}${of(at).padStart(18)}${of(by).padStart(22)}`)
  console.log(`${''.padEnd(34)}${'begun as asked'.padStart(18)}${'by admission'.padStart(22)}`)
  row('the array stands still', ({ frozenSeconds }) => `${frozenSeconds} s`)
  row('its cache is full', ({ fullSeconds }) => `${fullSeconds} s`)
  row("others' writes, the worst 10 s", ({ worstWriteMs }) => `${worstWriteMs.toFixed(1)} ms`)
  for (const { name } of april2011) row(name, ({ began, ended }) => `${began[name] ?? '–'} to ${ended[name] ?? '–'} s`)
  console.log(JSON.stringify({ trial: 'freeze', ...how, begunAsAsked: at, byAdmission: by }))
}
