import { expect, it } from 'vitest'
import { arrayPath, hostPath, parseRoute, vmPath } from './routes.js'

it.each([
  ['/', { page: 'start' }],
  ['', { page: 'start' }],
  ['/fleet', { page: 'fleet' }],
  ['/own', { page: 'own' }],
  ['/plans', { page: 'plans' }],
  ['/plans/7', { page: 'plan', number: 7 }],
  ['/plans/x', { page: 'unknown', path: '/plans/x' }],
  ['/commands', { page: 'commands' }],
  ['/commands/7', { page: 'command', number: 7 }],
  ['/commands/7;x', { page: 'unknown', path: '/commands/7;x' }],
  ['/audit', { page: 'audit' }],
  ['/hosts/xenhv01', { page: 'host', name: 'xenhv01' }],
  ['/hosts/xenhv01/', { page: 'host', name: 'xenhv01' }],
  ['/vms/11-22', { page: 'vm', uuid: '11-22' }],
  ['/arrays/nfs%3Abox%3A%2Fexport%20a', { page: 'array', key: 'nfs:box:/export a' }],
  ['/alerts', { page: 'alerts' }],
  ['/capacity', { page: 'capacity' }],
  ['/alerts/12', { page: 'alert', number: 12 }],
  ['/alerts/0', { page: 'unknown', path: '/alerts/0' }],
  ['/alerts/12x', { page: 'unknown', path: '/alerts/12x' }],
  ['/hosts', { page: 'unknown', path: '/hosts' }],
  ['/hosts/a/b', { page: 'unknown', path: '/hosts/a/b' }],
  ['/hosts/%E0%A4%A', { page: 'unknown', path: '/hosts/%E0%A4%A' }],
  ['/constructor/x', { page: 'unknown', path: '/constructor/x' }],
])('reads %s', (path, route) => {
  expect(parseRoute(path)).toEqual(route)
})

it('comes back from every path that it makes', () => {
  const awkward = 'iscsi:iqn.2001-05.com/x:ü ?#%'
  expect(parseRoute(hostPath(awkward))).toEqual({ page: 'host', name: awkward })
  expect(parseRoute(vmPath(awkward))).toEqual({ page: 'vm', uuid: awkward })
  expect(parseRoute(arrayPath(awkward))).toEqual({ page: 'array', key: awkward })
})
