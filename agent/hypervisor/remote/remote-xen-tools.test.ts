import { expect, test } from 'vitest'

import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import { XenToolError } from '../xen/xen-tools.js'
import type { Part } from './frame.js'
import { remoteXenTools, toolText } from './remote-xen-tools.js'

const part = (kind: string, argument: string, body = ''): Part => ({ kind, argument, body: Buffer.from(body) })

test.each<[string, readonly Part[], string]>([
  ['xl', [part('text', 'xl', 'Name ID\n'), part('ended', '0', '\n')], 'Name ID\n'],
  [
    'xm where xl will not',
    [
      part('text', 'xl', 'half'),
      part('ended', '1', 'xend is running\n'),
      part('text', 'xm', 'Name\n'),
      part('ended', '0'),
    ],
    'Name\n',
  ],
])('the text of %s', (_, parts, text) => {
  expect(toolText(parts)).toBe(text)
})

test.each<[string, readonly Part[], new (message: string) => Error, string]>([
  ['none', [], HypervisorUnavailable, 'neither xl nor xm'],
  [
    'one that fails',
    [part('text', 'xl'), part('ended', '3', 'no daemon\n')],
    XenToolError,
    'xl failed with 3: no daemon',
  ],
  ['one that is cut off', [part('text', 'xl', 'Na')], HypervisorUnavailable, 'to its end'],
  [
    'one that wants root',
    [part('text', 'xl'), part('ended', '1', 'sudo: a password is required\n')],
    HypervisorDenied,
    'may not be used by this account',
  ],
])('%s', (_, parts, kind, message) => {
  expect(() => toolText(parts)).toThrow(kind)
  expect(() => toolText(parts)).toThrow(message)
})

test('asks for the word, and waits no longer than its caller', async () => {
  const asked: string[] = []
  const tools = remoteXenTools(async ({ word }) => {
    asked.push(word)
    return [part('text', 'xl', 'x'), part('ended', '0')]
  })
  const { signal } = new AbortController()
  for (const what of ['list', 'list-long', 'info'] as const) expect(await tools.text(what, signal)).toBe('x')
  expect(asked).toEqual(['list', 'list-long', 'info'])
  const hanging = remoteXenTools(() => new Promise(() => undefined))
  await expect(hanging.text('list', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
})
