// Puts the locked versions of all modules into the packed form: `npm pack` takes no package-lock.json, but this copy of it.
// Usage: node shrinkwrap.mjs [--remove]; npm calls it before and after packing. The copy is whole, since `npm ci` compares it
// with package.json, which names what development needs too; with --omit=dev none of that is installed.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'

const place = (name) => new URL(`../${name}`, import.meta.url)

if (process.argv[2] === '--remove') {
  rmSync(place('npm-shrinkwrap.json'), { force: true })
} else {
  const lock = JSON.parse(readFileSync(place('package-lock.json'), 'utf8'))
  // Each machine asks its own registry; what it gets is held against `integrity`.
  for (const entry of Object.values(lock.packages)) delete entry.resolved
  writeFileSync(place('npm-shrinkwrap.json'), `${JSON.stringify(lock)}\n`)
}
