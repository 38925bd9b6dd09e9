import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createPrivateKey } from 'node:crypto'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { errandsApart, errandsHere } from '../../agent/errands.js'
import { ConfigError } from '../../common/config-error.js'
import { execute } from '../support/package-tree.js'

const agent = resolve(import.meta.dirname, '../../dist/agent')
const errands = errandsApart(join(agent, 'main.js'))

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-errands-'))
})
afterAll(() => rm(directory, { recursive: true }))

test('a configuration is the same whichever process reads it', async () => {
  const file = join(directory, 'agent.yaml')
  await writeFile(file, 'name: hv07\nintervals: { state: 20s }\n')
  const config = await errands.config(file)
  expect(config).toMatchObject({ name: 'hv07', intervals: { state: 20_000 } })
  expect(config).toEqual(await errandsHere.config(file))
})

test('what is wrong in a configuration comes back whole', async () => {
  const file = join(directory, 'wrong.yaml')
  await writeFile(file, 'nam: hv07\nintervals: { state: 20 }\n')
  const failure = await errands.config(file).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ConfigError)
  expect(failure).toEqual(await errandsHere.config(file).catch((error: unknown) => error))
})

test('the program says it, and ends with 2', async () => {
  const file = join(directory, 'wrong.yaml')
  const env = { PATH: process.env['PATH'] ?? '' }
  expect(await execute('sh', [join(agent, 'run.sh'), '--config', file], env)).toEqual({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining(`${file}:1: nam: expected a known key`),
  })
})

test('the machine is the same whichever process looks at it', async () => {
  const roots = { procRoot: '/proc', sysRoot: '/sys' }
  const { cpuMhz: _mhz, ...facts } = await errands.machineFacts(roots)
  const { cpuMhz: _other, ...here } = await errandsHere.machineFacts(roots)
  expect(facts).toEqual(here)
})

test('each request for a certificate has a key of its own', async () => {
  const [one, two] = await Promise.all([errands.certificateRequest(), errands.certificateRequest()])
  expect(createPrivateKey(one.privateKeyPem).asymmetricKeyType).toBe('ec')
  expect(Buffer.from(one.csrDer).subarray(0, 1)).toEqual(Buffer.from([0x30]))
  expect(one.privateKeyPem).not.toBe(two.privateKeyPem)
})

test('a process that ends without an answer is an error', async () => {
  const program = join(directory, 'ends.mjs')
  await writeFile(program, 'process.exit(7)\n')
  await expect(errandsApart(program).certificateRequest()).rejects.toThrow('ended with 7 and no answer')
})
