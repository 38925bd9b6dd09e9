import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'

import { execute, filesBelow } from '../support/package-tree.js'

const checkout = resolve(import.meta.dirname, '../..')
const npmOptions = ['--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']

let base: string
let tarball: string
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'headroom-package-'))
  // Without `prepare`: what others test at this moment must not be built anew.
  for (const args of [
    ['run', 'prepack'],
    ['pack', '--ignore-scripts', '--json', '--pack-destination', base],
    ['run', 'postpack'],
  ]) {
    const done = await npm(args, checkout)
    if (done.code !== 0) throw new Error(done.stderr)
  }
  tarball = join(base, `headroom-${await version()}.tgz`)
})
afterAll(() => rm(base, { recursive: true, force: true }))

async function version(): Promise<string> {
  const found = /"version": "([^"]+)"/.exec(await readFile(join(checkout, 'package.json'), 'utf8'))
  return found?.[1] ?? 'none'
}

const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional(), dev: z.boolean().default(false) })),
})

/** What a lock file says of each folder of node_modules. */
async function versionsIn(file: string): Promise<ReadonlyMap<string, { version?: string | undefined; dev: boolean }>> {
  return new Map(Object.entries(lockSchema.parse(JSON.parse(await readFile(file, 'utf8'))).packages))
}

/** Runs npm in a directory as a person's shell would, not as a part of the npm that runs these tests. */
function npm(args: readonly string[], directory: string): ReturnType<typeof execute> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^npm_|^INIT_CWD$|^NODE_ENV$/i.test(name) || /^npm_config_(registry|cache|userconfig)$/i.test(name),
  )
  const env = Object.fromEntries(inherited.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
  return execute('npm', ['--prefix', directory, ...args], { ...env, INIT_CWD: directory }, directory)
}

test('the packed form holds what runs and installs, and no sources or tests', async () => {
  const listed = await execute('tar', ['-tzf', tarball], { PATH: process.env['PATH'] ?? '' })
  const files = listed.stdout.trim().split('\n')
  expect(files).toEqual(
    expect.arrayContaining(
      [
        'dist/agent/main.js',
        'dist/agent/canary-writer.js',
        'dist/agent/run.sh',
        'dist/controller/main.js',
        'dist/controller/run.sh',
        'dist/controller/cli/main.js',
        'dist/deploy/start.js',
        'dist/web/index.html',
        'deploy/install.sh',
        'deploy/uninstall.sh',
        'deploy/production-modules.mjs',
        'deploy/systemd/headroom-agent.service',
        'deploy/config/agent.yaml',
        'deploy/fleets/elab.yaml',
        'docs/install.md',
        'proto/headroom/v1/agent.proto',
        'npm-shrinkwrap.json',
        'LICENSE',
      ].map((file) => `package/${file}`),
    ),
  )
  expect(files.filter((file) => file.endsWith('.ts') || /\.test\./.test(file))).toEqual([])
})

test('installed by npm from the packed form, the programs run and the controller answers', async () => {
  const directory = join(base, 'by-npm')
  await mkdir(directory)
  expect(await npm(['install', ...npmOptions, tarball], directory)).toMatchObject({ code: 0 })
  const programs = join(directory, 'node_modules/.bin')
  const env = { PATH: process.env['PATH'] ?? '' }
  expect(await execute(join(programs, 'headroom'), ['--version'], env)).toMatchObject({
    code: 0,
    stdout: `headroom ${await version()}\n`,
  })
  for (const program of ['headroom-agent', 'headroom-controller']) {
    expect(await execute(join(programs, program), ['--version'], env), program).toMatchObject({
      code: 0,
      stdout: `${await version()}\n`,
    })
  }

  const options = ['--data', join(directory, 'data'), '--http-port', '0', '--grpc-port', '0']
  const controller = spawn(join(programs, 'headroom-controller'), options, { stdio: ['ignore', 'pipe', 'ignore'], env })
  let said = ''
  controller.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  try {
    await vi.waitFor(() => expect(said).toContain('is ready: http'), { timeout: 20_000, interval: 50 })
    const origin = new URL(/http\S+/.exec(said)?.[0] ?? '').origin
    expect((await fetch(`${origin}/readyz`)).status).toBe(200)
    const question = ['--url', origin, '--data', join(directory, 'data'), 'status']
    expect(await execute(join(programs, 'headroom'), question, env)).toMatchObject({ code: 0, stderr: '' })
  } finally {
    controller.kill('SIGTERM')
  }
  const [code]: unknown[] = controller.exitCode === null ? await once(controller, 'exit') : [controller.exitCode]
  expect(code).toBe(0)
})

test('packing leaves nothing in the checkout', () => {
  expect(existsSync(join(checkout, 'npm-shrinkwrap.json'))).toBe(false)
})

test('unpacked, its modules are those that were locked, and install.sh installs programs that run', async () => {
  const env = { PATH: process.env['PATH'] ?? '' }
  expect(await execute('tar', ['-xzf', tarball, '-C', base], env)).toMatchObject({ code: 0 })
  const directory = join(base, 'package')
  const shrinkwrap = await readFile(join(directory, 'npm-shrinkwrap.json'), 'utf8')
  expect(shrinkwrap).not.toContain('"resolved"')
  expect(await npm(['ci', ...npmOptions], directory)).toMatchObject({ code: 0, stderr: '' })
  const locked = await versionsIn(join(checkout, 'package-lock.json'))
  const taken = await versionsIn(join(directory, 'node_modules/.package-lock.json'))
  expect(taken.size).toBeGreaterThan(100)
  for (const [path, { version: one, dev }] of taken)
    expect([path, one, dev]).toEqual([path, locked.get(path)?.version, false])

  const root = join(base, 'root')
  const script = join(directory, 'deploy/install.sh')
  const installed = await execute('sh', [script, '--controller', '--agent'], { ...env, DESTDIR: root })
  expect(installed).toMatchObject({ code: 0, stderr: '' })
  const library = join(root, 'usr/local/lib/headroom')
  for (const [program, says] of [
    ['controller/cli/main.js', `headroom ${await version()}\n`],
    ['controller/main.js', `${await version()}\n`],
    ['agent/main.js', `${await version()}\n`],
  ] as const) {
    const args = [join(library, 'dist', program), '--version']
    expect(await execute(process.execPath, args, env), program).toEqual({ code: 0, stdout: says, stderr: '' })
  }
  // All modules that are there in production, and no more than those.
  const names = async (path: string): Promise<string[]> =>
    Object.keys(await filesBelow(join(path, 'node_modules'))).filter((file) => !file.startsWith('/.bin/'))
  expect(await names(library)).toEqual(await names(directory))
})
