import { afterEach, expect, test } from 'vitest'

import { buildTree, type Tree } from '../../test/fixtures/proc/build-tree.js'
import { parsePressure, psiCollector } from './psi.js'
import { createTextReader } from './text-reader.js'

let tree: Tree | undefined
afterEach(() => tree?.remove())

test.each([
  [
    'some avg10=0.00 avg60=0.12 avg300=0.08 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=250000\n',
    { someSeconds: 1.5, fullSeconds: 0.25 },
  ],
  // cpu before Linux 5.13
  ['some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n', { someSeconds: 0 }],
  ['', {}],
  ['other total=5\n', {}],
])('%j', (text, expected) => {
  expect(parsePressure(text, '/proc/pressure/io')).toEqual(expected)
})

test.each(['some avg10=0.00\n', 'some total=-5\n', 'some total=\n', 'some total=99999999999999999999\n'])(
  '%j is refused',
  (text) => {
    expect(() => parsePressure(text, '/proc/pressure/io')).toThrow('/proc/pressure/io:1: expected total=')
  },
)

test('a kernel without PSI is no error', async () => {
  tree = buildTree('')
  await expect(psiCollector(tree.procRoot, createTextReader()).collect(AbortSignal.timeout(1000))).resolves.toEqual({})
})

test('each resource by itself', async () => {
  tree = buildTree(`
    proc/pressure/cpu = some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000
    proc/pressure/io = some avg10=0.00 avg60=0.00 avg300=0.00 total=3000000\\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2000000
  `)
  await expect(psiCollector(tree.procRoot, createTextReader()).collect(AbortSignal.timeout(1000))).resolves.toEqual({
    psiCpuSomeSeconds: 1,
    psiIoSomeSeconds: 3,
    psiIoFullSeconds: 2,
  })
})
