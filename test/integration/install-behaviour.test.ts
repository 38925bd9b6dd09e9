import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { execute, filesBelow, makePackageTree, shells, type PackageTree } from '../support/package-tree.js'

let tree: PackageTree

beforeEach(async () => {
  tree = await makePackageTree()
})
afterEach(() => tree.remove())

test('shellcheck has nothing to say', async () => {
  const deploy = resolve(import.meta.dirname, '../../deploy')
  const scripts = ['install.sh', 'uninstall.sh', '../agent/run.sh', 'remote/headroom-reader.sh'].map((name) =>
    join(deploy, name),
  )
  const { code, stdout } = await execute('shellcheck', ['--shell=sh', '--severity=style', ...scripts], {
    PATH: process.env['PATH'] ?? '',
  })
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
})

interface Refusal {
  readonly args: readonly string[]
  readonly says: string
  readonly code: number
  readonly destdir?: string
  readonly before?: () => Promise<void>
}

const refusals: readonly Refusal[] = [
  { args: [], code: 2, says: 'say what to install: --controller, --agent or both' },
  { args: ['--everything'], code: 2, says: 'unknown option --everything' },
  { args: ['--agent', '--prefix'], code: 2, says: '--prefix needs a value' },
  { args: ['--agent', '--prefix', 'opt'], code: 2, says: '--prefix: expected an absolute path, got opt' },
  { args: ['--agent', '--prefix', '/'], code: 2, says: '--prefix: expected an absolute path, got /' },
  { args: ['--agent', '--prefix', '/opt/a b'], code: 2, says: 'expected a path of letters, digits' },
  { args: ['--agent', '--prefix', "/opt/'"], code: 2, says: 'expected a path of letters, digits' },
  { args: ['--agent', '--prefix', '/opt/../etc'], code: 2, says: 'expected a path of letters, digits' },
  { args: ['--agent', '--prefix', '/home/me'], code: 2, says: 'the services cannot see /home/me' },
  { args: ['--agent', '--prefix', '/tmp/x'], code: 2, says: 'the services cannot see /tmp/x' },
  { args: ['--agent', '--drop-in', 'everything'], code: 2, says: '--drop-in: expected proc-io or libvirt-group' },
  { args: ['--controller', '--drop-in', 'proc-io'], code: 2, says: '--drop-in proc-io is for the agent' },
  { args: ['--agent'], destdir: 'here', code: 2, says: 'DESTDIR: expected an absolute path, got here' },
  { args: ['--agent', '--node', '/nowhere/node'], code: 2, says: '/nowhere/node does not run' },
  {
    args: ['--agent'],
    before: () => rm(join(tree.source, 'dist'), { recursive: true }),
    code: 1,
    says: 'is not built: run npm ci there first',
  },
  {
    args: ['--agent'],
    before: () => rm(join(tree.source, 'node_modules'), { recursive: true }),
    code: 1,
    says: 'run npm ci --omit=dev --ignore-scripts there first',
  },
  {
    args: ['--agent'],
    before: () => tree.write('package.json', JSON.stringify({ engines: { node: '>=20.999' } })),
    code: 1,
    says: 'the package asks for >=20.999: give a newer one with --node FILE',
  },
]

describe.each(shells)('under $name', ({ words: shell }) => {
  test.each(refusals)('refuses $args ($says) and touches nothing', async ({ args, says, code, destdir, before }) => {
    await before?.()
    const ended = await tree.run(shell, 'install.sh', args, destdir)
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toContain(says)
    expect(await filesBelow(tree.root)).toEqual({})
  })

  test('refuses to install the installed package over itself', async () => {
    const first = await tree.run(shell, 'install.sh', ['--agent'])
    expect(first.code).toBe(0)
    const [program, ...words] = shell
    const installed = join(tree.root, 'usr/local/lib/headroom/deploy/install.sh')
    const env = { PATH: process.env['PATH'] ?? '', DESTDIR: tree.root }
    const again = await execute(program, [...words, installed, '--agent'], env)
    expect(again).toMatchObject({ code: 1 })
    expect(again.stderr).toContain('is the installed package itself')
    expect(await filesBelow(tree.root)).toHaveProperty(['/usr/local/lib/headroom/dist/agent/main.js'])
  })

  test('an installed package can be carried to another machine and installed there', async () => {
    await tree.run(shell, 'install.sh', ['--controller', `--node=${process.execPath}`])
    const elsewhere = join(tree.root, '../elsewhere')
    const [program, ...words] = shell
    const carried = join(tree.root, 'usr/local/lib/headroom/deploy/install.sh')
    const env = { PATH: process.env['PATH'] ?? '', DESTDIR: elsewhere }
    expect(await execute(program, [...words, carried, '--agent'], env)).toMatchObject({ code: 0, stderr: '' })
    expect(await filesBelow(join(elsewhere, 'usr/local/lib'))).toEqual(
      await filesBelow(join(tree.root, 'usr/local/lib')),
    )
  })

  test.each(['install.sh', 'uninstall.sh'])('%s --help says how', async (script) => {
    const { code, stdout } = await tree.run(shell, script, ['--help'])
    expect({ code, begins: stdout.split(' ')[0] }).toEqual({ code: 0, begins: 'Usage:' })
  })

  test('uninstall.sh refuses what it does not know', async () => {
    expect(await tree.run(shell, 'uninstall.sh', ['--all'])).toMatchObject({ code: 2 })
    expect(await tree.run(shell, 'uninstall.sh', ['--prefix=/'])).toMatchObject({ code: 2 })
  })
})
