import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** What `npm run bench -- NAME` can run. Each ends with one line of JSON; words after the name are its own. */
const benches = {
  agent: 'agent/bench-agent.ts',
  'array-counters': 'array-counters.ts',
  arrays: 'arrays/bench-arrays.ts',
  culprits: 'arrays/bench-culprits.ts',
  checks: 'checks/bench-checks.ts',
  forecast: 'forecast/bench-forecast.ts',
  commands: 'commands/bench-commands.ts',
  servers: 'servers.ts',
  soak: 'agent/soak.ts',
  planner: 'planner/bench-planner.ts',
  esxi: 'esxi/bench-esxi.ts',
  store: 'store/bench-store.ts',
  'store-soak': 'store/soak-store.ts',
  xen: 'xen/bench-xen.ts',
} as const

const [name, ...words] = process.argv.slice(2)
const file = Object.entries(benches).find(([known]) => known === name)?.[1]
if (file === undefined) {
  console.error(`Usage: npm run bench -- ${Object.keys(benches).join('|')} [options]`)
  process.exit(2)
}
if (!existsSync(join(import.meta.dirname, '../../dist/agent/main.js'))) {
  console.error('The product is not built: run npm ci or npm run build first.')
  process.exit(2)
}
// Mounts made by a bench are its own, and end with it.
const { status, signal } = spawnSync(
  'unshare',
  [
    '--mount',
    '--propagation',
    'private',
    process.execPath,
    '--import',
    'tsx',
    join(import.meta.dirname, file),
    ...words,
  ],
  { stdio: 'inherit' },
)
process.exit(signal === null ? (status ?? 1) : 1)
