import { describe, expect, it } from 'vitest'

import type { Role, VerbName } from '../../common/verbs.js'
import type { Scope } from '../access/caller.js'
import { permissionVerdicts } from './permission.js'

/** What speaks against it; empty: nothing. */
function against(verb: VerbName, owner: string | undefined, role: Role, scope?: Scope): string[] {
  const verdicts = permissionVerdicts(verb, { name: 'lab-1', owner }, { name: 'ann', role, scope })
  return verdicts.filter(({ ok }) => !ok).map(({ check, says }) => `${check}: ${says}`)
}

const notHers = 'owner: lab-1 is of kure, not of ann'

describe('who may ask for a command', () => {
  it.each<readonly [VerbName, string | undefined, Role, Scope | undefined, string[]]>([
    ['start', 'ann', 'viewer', undefined, ['role: start needs the role owner, and ann is viewer']],
    ['start', 'kure', 'viewer', undefined, ['role: start needs the role owner, and ann is viewer', notHers]],
    ['start', 'ann', 'owner', undefined, []],
    ['start', 'kure', 'owner', undefined, [notHers]],
    ['start', 'Ann', 'owner', undefined, ['owner: lab-1 is of Ann, not of ann']],
    ['start', undefined, 'owner', undefined, ['owner: nobody says whose VM lab-1 is']],
    ['suspend', 'ann', 'owner', undefined, ['role: suspend needs the role operator, and ann is owner']],
    ['suspend', 'kure', 'operator', undefined, []],
    ['suspend', undefined, 'admin', undefined, []],
    ['start', 'kure', 'owner', { owner: 'kure' }, []],
    ['start', 'kure', 'operator', { owner: 'ann' }, [notHers]],
    ['start', 'ann', 'operator', { vms: ['lab-*'] }, []],
    ['start', 'ann', 'operator', { vms: ['web', 'lab'] }, ['token: the token is not good for a VM of this name']],
    ['start', 'ann', 'operator', { verbs: ['start'], vms: ['*'] }, []],
    ['reset', 'ann', 'operator', { verbs: ['start'] }, ['token: the token is not good for reset']],
    ['start', 'kure', 'owner', { vms: ['lab-1'] }, [notHers]],
  ])('%s a VM of %s as %s with %j', (verb, owner, role, scope, expected) => {
    expect(against(verb, owner, role, scope)).toEqual(expected)
  })
})
