import { expect, test } from 'vitest'

import type { VmState } from '../hypervisor.js'
import { ListEvents } from './list-events.js'
import type { SeenState } from './toolstack.js'

/** `a1 running`: the VM a, in its run 1; no state: it lives, and nothing more is known. */
function list(text: string): SeenState[] {
  return text.split(', ').flatMap((entry) => {
    const match = /^([a-z])(-?\d+)(?: (\S+))?$/.exec(entry)
    if (match?.[1] === undefined) return []
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- states of the table below
    const state = match[3] as VmState | undefined
    return [{ domain: { name: `vm-${match[1]}`, uuid: match[1], id: Number(match[2]) }, state }]
  })
}

test.each<[string, readonly string[], readonly string[]]>([
  ['the first list tells nothing', ['a1 running, b2 paused, c-1 shutoff'], ['']],
  ['nothing happens', ['a1 running', 'a1 running'], ['', '']],
  ['a VM starts', ['', 'a1 running', 'a1 running'], ['', 'a started unknown', '']],
  ['one that was off starts', ['a-1 shutoff', 'a1 running'], ['', 'a started unknown']],
  [
    'it starts when it runs, not while it is made',
    ['', 'a1 paused', 'a1 paused', 'a1 running'],
    ['', '', '', 'a started unknown'],
  ],
  ['one that is made and never runs', ['', 'a1 paused', ''], ['', '', '']],
  ['a VM ends', ['a1 running', ''], ['', 'a stopped unknown']],
  ['it ends and stays defined', ['a1 running', 'a-1 shutoff', 'a-1 shutoff'], ['', 'a stopped unknown', '']],
  ['it ends as it dies, once', ['a1 running', 'a1 shutoff', 'a1 shutoff', ''], ['', 'a stopped unknown', '', '']],
  ['shutting down is no end', ['a1 running', 'a1 shutting-down', ''], ['', '', 'a stopped unknown']],
  ['it crashes, and is kept', ['a1 running', 'a1 crashed', 'a1 crashed', ''], ['', 'a crashed crashed', '', '']],
  ['it starts anew between two lists', ['a1 running', 'a2 running'], ['', 'a stopped unknown, a started unknown']],
  ['it starts anew slowly', ['a1 running', 'a2 paused', 'a2 running'], ['', 'a stopped unknown', 'a started unknown']],
  [
    'it is paused and goes on',
    ['a1 running', 'a1 paused', 'a1 paused', 'a1 running'],
    ['', 'a suspended unknown', '', 'a resumed unknown'],
  ],
  ['it was paused at first', ['a1 paused', 'a1 running'], ['', 'a resumed unknown']],
  ['it ends while it is paused', ['a1 paused', ''], ['', 'a stopped unknown']],
  ['what is unknown tells nothing', ['a1 running', 'a1', 'a1 running'], ['', '', '']],
  ['not even of a pause', ['a1 paused', 'a1', 'a1 paused'], ['', '', '']],
  ['an unknown new one waits', ['', 'a1', 'a1 running'], ['', '', 'a started unknown']],
  [
    'several',
    ['a1 running, b2 running', 'b2 paused, c3 running'],
    ['', 'b suspended unknown, c started unknown, a stopped unknown'],
  ],
])('%s', (_, lists, told) => {
  const events = new ListEvents()
  const seen = lists.map((text, index) =>
    events.compare(list(text), index).map(({ atMs, kind, reason, vmUuid, vmName }) => {
      expect([atMs, vmName]).toEqual([index, `vm-${vmUuid}`])
      return `${vmUuid} ${kind} ${reason}`
    }),
  )
  expect(seen.map((all) => all.join(', '))).toEqual(told)
})
