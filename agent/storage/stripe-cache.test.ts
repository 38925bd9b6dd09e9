import { expect, it } from 'vitest'

import type { ArrayFacts } from '../hypervisor/hypervisor.js'
import { withStripeCaches } from './stripe-cache.js'

/** Hand-written: this kernel has no md. */
const tree: Readonly<Record<string, string>> = {
  '/s/block/md0/md/stripe_cache_active': '240\n',
  '/s/block/md0/md/stripe_cache_size': '256\n',
  '/s/block/md2/md/stripe_cache_active': 'none\n',
  '/s/block/md2/md/stripe_cache_size': '256\n',
}
const array = (key: string, name: string, kind = 'md'): ArrayFacts => ({ key, name, kind })

it('tells how full the stripe cache of md arrays with parity is, and nothing of others', () => {
  const facts = [
    array('a', 'md0'),
    array('b', 'md1'),
    array('c', 'md2'),
    array('d', 'md0', 'local'),
    array('e', 'md/../..'),
  ]
  const told = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => ({ key, writeBytes: 1 }))
  expect(withStripeCaches(told, facts, '/s', { readIfThere: (path) => tree[path] })).toEqual([
    { key: 'a', writeBytes: 1, stripeCacheActive: 240, stripeCacheSize: 256 },
    ...told.slice(1),
  ])
})
