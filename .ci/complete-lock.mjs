// Completes package-lock.json after `npm install`: packages for other platforms that the registry in use did not have are
// left out of the lock by npm, and then `npm ci` refuses it. Their entries carry version and platform, so that each platform
// installs its own and skips the others.
import { readFileSync, writeFileSync } from 'node:fs'

const path = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(path, 'utf8'))
const systems = ['darwin', 'linux', 'win32', 'android', 'freebsd', 'openharmony', 'openbsd', 'netbsd', 'sunos', 'aix']
const processors = [
  'arm64',
  'x64',
  'arm',
  'ia32',
  'ppc64',
  'riscv64',
  's390x',
  'loong64',
  'mips64el',
  'wasm32',
  'aarch64',
  'armv7',
]
const processorNames = { aarch64: 'arm64', armv7: 'arm' }

let added = 0
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`
    if (lock.packages[key] !== undefined) continue
    const words = name.split(/[-/@]/)
    const os = systems.filter((system) => words.includes(system))
    const cpu = processors.filter((one) => words.includes(one)).map((one) => processorNames[one] ?? one)
    if (os.length === 0 && cpu.length === 0) throw new Error(`${name}: no platform in its name`)
    const libc = words.some((word) => word.startsWith('musl'))
      ? ['musl']
      : words.some((word) => word.startsWith('gnu'))
        ? ['glibc']
        : []
    lock.packages[key] = {
      version,
      ...(parent.dev === true ? { dev: true } : {}),
      optional: true,
      ...(os.length > 0 ? { os } : {}),
      ...(cpu.length > 0 ? { cpu } : {}),
      ...(libc.length > 0 ? { libc } : {}),
    }
    added += 1
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`)
console.log(`${added} packages of other platforms added`)
