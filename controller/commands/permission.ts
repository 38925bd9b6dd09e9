import { patternTest } from '../../common/pattern.js'
import { verbOf, type Verdict, type VerbName } from '../../common/verbs.js'
import { mayAs, type Caller } from '../access/caller.js'

/** Who asks for a command. */
export type Asker = Pick<Caller, 'name' | 'role' | 'scope'>

/**
 * Whether somebody may ask for that verb on that VM: by role, by whose VM it is, and by the bounds of the token. Pure.
 * @param owner whose VM it is, by policy or its own metadata; undefined: nobody says
 */
export function permissionVerdicts(
  verb: VerbName,
  vm: { readonly name: string; readonly owner: string | undefined },
  { name, role, scope }: Asker,
): readonly Verdict[] {
  const needed = verbOf(verb).role
  const verdicts: Verdict[] = [
    mayAs(role, needed)
      ? { check: 'role', ok: true, says: `${name} is ${role}` }
      : { check: 'role', ok: false, says: `${verb} needs the role ${needed}, and ${name} is ${role}` },
  ]
  const owner = ownerBound({ name, role, scope })
  if (owner !== undefined) verdicts.push(ownership(vm, owner))
  if (scope !== undefined) verdicts.push(withinScope(verb, vm.name, scope))
  return verdicts
}

/** Whose VMs alone somebody may command: who may no more than an owner may it for VMs of their own. Undefined: everybody's. */
export function ownerBound({ name, role, scope }: Asker): string | undefined {
  return scope?.owner ?? (mayAs(role, 'operator') ? undefined : name)
}

function ownership(vm: { readonly name: string; readonly owner: string | undefined }, owner: string): Verdict {
  if (vm.owner === owner) return { check: 'owner', ok: true, says: `${vm.name} is of ${owner}` }
  const says =
    vm.owner === undefined ? `nobody says whose VM ${vm.name} is` : `${vm.name} is of ${vm.owner}, not of ${owner}`
  return { check: 'owner', ok: false, says }
}

function withinScope(verb: VerbName, vmName: string, { vms, verbs }: NonNullable<Caller['scope']>): Verdict {
  const no = (says: string): Verdict => ({ check: 'token', ok: false, says })
  if (verbs !== undefined && !verbs.includes(verb)) return no(`the token is not good for ${verb}`)
  if (vms !== undefined && !vms.some((pattern) => patternTest(pattern)(vmName)))
    return no('the token is not good for a VM of this name')
  return { check: 'token', ok: true, says: 'the token is good for it' }
}
