import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { execute, makePackageTree, textAt, type PackageTree } from '../support/package-tree.js'

let tree: PackageTree

beforeEach(async () => {
  tree = await makePackageTree()
})
afterEach(() => tree.remove())

/** Runs an installed program in place. */
async function call(name: string, args: readonly string[], env: Record<string, string> = {}): Promise<unknown> {
  const installed = await tree.run(['dash'], 'install.sh', ['--controller', '--agent'])
  expect(installed).toMatchObject({ code: 0, stderr: '' })
  const inPlace = (await textAt(tree.root, `usr/local/bin/${name}`)).replaceAll(
    "'/usr/local/",
    `'${tree.root}/usr/local/`,
  )
  const file = join(tree.root, 'in-place')
  await writeFile(file, inPlace)
  const path = `${join(tree.root, '../programs')}:${process.env['PATH'] ?? ''}`
  const { stdout, stderr } = await execute('/bin/sh', [file, ...args], { PATH: path, ...env })
  return stderr === '' ? JSON.parse(stdout) : stderr
}

test.each([
  { args: ['status'], env: {}, data: '/var/lib/headroom' },
  { args: ['status', '--url', 'https://elsewhere'], env: {}, data: undefined },
  { args: ['--url=https://elsewhere', 'status'], env: {}, data: undefined },
  { args: ['status'], env: { HEADROOM_URL: 'https://elsewhere' }, data: undefined },
  { args: ['status'], env: { HEADROOM_DATA: '/srv' }, data: '/srv' },
])('headroom $args $env finds the token of this machine only for this machine', async ({ args, env, data }) => {
  expect(await call('headroom', args, env)).toEqual({ words: args, ...(data === undefined ? {} : { data }) })
})

test('words reach the programs as they are', async () => {
  const words = ['--config', "a 'b' $c", '']
  expect(await call('headroom-controller', words)).toEqual({ words })
  expect(await call('headroom-agent', words)).toEqual({ words })
})

const joining = ['join', '--controller', 'hv:8421', '--token', 't']
const config = ['--config', '/etc/headroom/agent.yaml']
test.each([
  { args: joining, words: [...joining, ...config] },
  { args: ['audit', 'verify'], words: ['audit', 'verify', ...config] },
  { args: ['audit', 'verify', '--data', 'd'], words: ['audit', 'verify', '--data', 'd'] },
  { args: [...joining, '--config', 'mine.yaml'], words: [...joining, '--config', 'mine.yaml'] },
  { args: ['--version'], words: ['--version'] },
])('headroom-agent $args uses the service’s configuration to join', async ({ args, words }) => {
  expect(await call('headroom-agent', args)).toEqual({ words })
})
