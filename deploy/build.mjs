// Builds the product into dist/: the compiled programs, the page, and what they read at run time.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = (command, ...args) =>
  execFileSync(join(root, 'node_modules/.bin', command), args, { cwd: root, stdio: 'inherit' })

if (!existsSync(join(root, 'node_modules/.bin/tsc'))) {
  if (existsSync(join(root, 'dist/controller/main.js'))) process.exit(0)
  console.error('The compiler is missing: install with development dependencies (npm ci), or use a built package.')
  process.exit(1)
}
rmSync(join(root, 'dist'), { recursive: true, force: true })
run('tsc', '-p', 'tsconfig.build.json')
const { bundleAgent } = await import('./bundle-agent.mjs')
await bundleAgent(join(root, 'dist'))
for (const name of ['agent', 'controller']) cpSync(join(root, name, 'run.sh'), join(root, 'dist', name, 'run.sh'))
run('vite', 'build', 'controller/web', '--logLevel', 'warn')
mkdirSync(join(root, 'dist/deploy'), { recursive: true })
for (const name of ['fleets', 'scenarios']) {
  cpSync(join(root, 'deploy', name), join(root, 'dist/deploy', name), { recursive: true })
}
for (const program of [
  'agent/main.js',
  'agent/run.sh',
  'controller/main.js',
  'controller/run.sh',
  'controller/cli/main.js',
  'deploy/start.js',
]) {
  chmodSync(join(root, 'dist', program), 0o755)
}
