import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { dashboardFiles } from './source/files.js'

/** Writes the dashboards, or with `--check` only says which are not what their source makes. */
const isCheck = process.argv.includes('--check')
const stale: string[] = []
for (const { path, text } of dashboardFiles()) {
  const file = fileURLToPath(new URL(path, import.meta.url))
  if (!isCheck) writeFileSync(file, text)
  else if (readOrNothing(file) !== text) stale.push(path)
}
if (stale.length > 0) {
  process.stderr.write(`not what their source makes: ${stale.join(', ')}; run npm run generate:dashboards\n`)
  process.exitCode = 1
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
