import { parseArgs } from 'node:util'

import { planFaults } from '../support/plan-faults.js'

/** `npx tsx test/planner/main.ts --seed 1 --count 10000`: plans of random fleets with rules, judged by what counts anew. */
const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, count: { type: 'string', default: '10000' } },
})
const first = Number(values.seed)
const count = Number(values.count)
let faulty = 0
for (let seed = first; seed < first + count; seed += 1) {
  const faults = planFaults(seed)
  if (faults.length > 0) {
    faulty += 1
    console.error(`seed ${seed}: ${faults.join('; ')}`)
  }
}
console.log(JSON.stringify({ fleets: count, faulty }))
process.exitCode = faulty === 0 ? 0 : 1
