import { z } from 'zod'

import { roles, verbNames, type Role, type VerbName } from '../../common/verbs.js'

/** Who makes a request, and what they may. */
export interface Caller {
  /** A person, or a program that has a token of its own: what stands in logs as who did it. */
  readonly name: string
  readonly role: Role
  readonly via: 'token' | 'session'
  readonly expiresAt: number | undefined
  /** Of a token: what it is bound to, besides its role. */
  readonly scope: Scope | undefined
  /** It is a user who logs in by name and password, by a session or a token of that user. */
  readonly speaksForUser?: true
  /** Hash of the token that was shown, or by which the session was opened; undefined: a user logged in by password. */
  readonly tokenHash?: string | undefined
}

/** By what somebody let something go on that lasts: it is looked up again before each thing that is done for that one. */
export type Right = Pick<Caller, 'name' | 'tokenHash'>

/** What commands of a token are bound to; whoever has one does nothing but read and command. All parts that are there have to fit. */
export interface Scope {
  /** VMs of this owner only. */
  readonly owner?: string | undefined
  /** Patterns of names of VMs. */
  readonly vms?: readonly string[] | undefined
  readonly verbs?: readonly VerbName[] | undefined
}

/** Whether a role may what needs another. */
export function mayAs(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed)
}

export function lesserRole(a: Role, b: Role): Role {
  return mayAs(a, b) ? b : a
}

/** What stands for a person or program in logs and audit; also as an owner of VMs. */
export const principalName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/,
    'a name of letters, digits and . _ @ + -, at most 100, that starts with a letter or digit',
  )

const scopeSchema = z.object({
  owner: z.string().max(200).optional(),
  vms: z.array(z.string().max(300)).optional(),
  verbs: z.array(z.enum(verbNames)).optional(),
})

/** A token as the state store keeps it, under the hash of its secret. */
export const tokenSchema = z.object({
  name: z.string().max(200),
  role: z.enum(roles),
  createdAt: z.number(),
  expiresAt: z.number().optional(),
  /** It speaks for the user of its name, with no more than that one's role, and ends with that one. */
  ofUser: z.literal(true).optional(),
  scope: scopeSchema.optional(),
  createdBy: z.string().max(200).optional(),
  note: z.string().max(200).optional(),
})
export type Token = z.infer<typeof tokenSchema>

/** A session: of the user of that name, or of who logged in with a token. What it may is looked up each time. */
export const sessionSchema = z.object({
  name: z.string().max(200),
  /** Hash of the token with which it was opened, and with which it ends. */
  token: z.string().optional(),
  createdAt: z.number(),
  expiresAt: z.number().optional(),
})
export type StoredSession = z.infer<typeof sessionSchema>
