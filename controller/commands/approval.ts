import { patternTest } from '../../common/pattern.js'
import { verbOf, type Role, type Verdict, type VerbName } from '../../common/verbs.js'
import { mayAs } from '../access/caller.js'
import type { ApprovalRule } from '../model/policy.js'
import type { Asker } from './permission.js'

/** That a second person is needed, who that can be, and what that one said. */
export interface Approval {
  /** Key of the rule: `approvals.0`. */
  readonly rule: string
  /** The least role of who can approve. */
  readonly role: Role
  readonly by?: string | undefined
  readonly at?: number | undefined
  /** From the approval on it may be begun for so long. */
  readonly startWithinMs: number
  /** As what it was asked for: it is looked at again when it is approved. */
  readonly askedAs: Pick<Asker, 'role' | 'scope'>
}

/** The first rule that wants a second person for it, if one does. */
export function ruleFor(
  rules: readonly ApprovalRule[],
  verb: VerbName,
  vmName: string,
): { readonly key: string; readonly rule: ApprovalRule } | undefined {
  const { risk } = verbOf(verb)
  const at = rules.findIndex(
    ({ verbs, risks, vms }) =>
      (verbs === undefined || verbs.includes(verb)) &&
      (risks === undefined || risks.includes(risk)) &&
      (vms === undefined || vms.some((pattern) => patternTest(pattern)(vmName))),
  )
  const rule = rules[at]
  return rule && { key: `approvals.${at}`, rule }
}

/** Never against it: it has to wait, and that is said. */
export function approvalVerdict({ key, rule }: { readonly key: string; readonly rule: ApprovalRule }): Verdict {
  return { check: 'approval', ok: true, says: `a second person has to approve it: another ${rule.role} (${key})` }
}

/** Why somebody cannot be the second person; undefined: that one can. */
export function notSecond(
  { name, role, scope }: Asker,
  { actor, approval }: { readonly actor: string; readonly approval: Pick<Approval, 'role'> },
): string | undefined {
  // Names that differ only in case are not given out, but an older state may have some.
  if (name.toLowerCase() === actor.toLowerCase()) return `${actor} asked for it: another person has to approve it`
  if (!mayAs(role, approval.role))
    return `it needs the approval of somebody who is ${approval.role}; ${name} is ${role}`
  return scope === undefined ? undefined : `a token that is bound cannot approve`
}
