// Prints the folders under node_modules that the programs need when they run, one a line: all that npm's own list of
// what it installed does not mark as for development only. Usage: node production-modules.mjs PACKAGE_DIRECTORY
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = process.argv[2] ?? '.'
const { packages } = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8'))
const folders = new Set()
for (const [path, { dev }] of Object.entries(packages)) {
  // What lies inside another package's folder goes with it.
  const folder = path.split('/node_modules/')[0]
  if (dev !== true && existsSync(join(root, folder))) folders.add(folder)
}
process.stdout.write([...folders].map((folder) => `${folder}\n`).join(''))
